"""What every verb that writes does under the lock: plan, show, ask, apply, remember, and report the outcome."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from netplan.errors import (
    OvertakenError,
    RefusedError,
    RestoredError,
    StalePlanError,
    StoreError,
    UnsteadyError,
)
from netplan.kinds.resource import Change, Json, ObjectRefusedError, Resource
from netplan.kinds.snapshot import Snapshot
from netplan.operations.apply_journal import ApplyJournal, WantedState, provenance_of
from netplan.operations.apply_plan import apply_plan
from netplan.operations.attempts import Attempts
from netplan.operations.confirm import awaited, confirm_within, token
from netplan.operations.live_plan import LivePlan, check_allowed
from netplan.operations.lock_hold import LockHold
from netplan.operations.safety import check_safe, off_link
from netplan.operations.saved_rules import OutdatedFiles
from netplan.operations.settle import settle
from netplan.operations.stale_connections import stale_connections
from netplan.operations.unfinished import check_takes_over, complete
from netplan.planning.fingerprint import unlike
from netplan.planning.obstacles import Obstacle, left_out_by
from netplan.planning.plan import NodePlan, Plan
from netplan.planning.safety import Flag
from netplan.planning.traffic.class_json import classes_to_json
from netplan.store.decision import ConfirmDecision
from netplan.store.journal import JournalEntry
from netplan.system import clock

_MOST_REFUSED: Final = 8
"""How often objects that the kernel refuses are left out before `drift --fix` gives up."""

_AGAIN: Final = "Another program changed the node meanwhile, and nothing is changed: planning again."


class PlanShown(NamedTuple):
    """A plan before it is applied, and the files of rules that change with it, if any do."""

    plan: Plan
    file: OutdatedFiles | None = None


class Dialogue(NamedTuple):
    """How a use case speaks with the user; by default it shows nothing, and every plan is agreed to.

    `show` takes the plan, and `decide` returns whether a node's is to be applied. `count_down` is called again and
    again with the seconds after which the state before is restored without a confirm, and with None in the end.
    """

    show: Callable[[PlanShown], None] = lambda _: None
    decide: Callable[[NodePlan], bool] = lambda _: True
    count_down: Callable[[float | None], None] = lambda _: None


class Options(Struct, frozen=True):
    """How a plan is applied: the dangers that are allowed, whether old connections are ended, and the waits.

    With `within`, it must be confirmed in so many seconds; `lock_timeout` is the seconds to wait for the lock.
    """

    flags: frozenset[Flag] = frozenset()
    flush: bool = False
    within: float | None = None
    lock_timeout: float = 0.0


class Request(Struct, frozen=True):
    """What a verb wants done: how the node is read and planned, and to which plan of the cluster that belongs.

    `file` takes the rules after the apply. With `partly` everything is done that no obstacle keeps from it.
    """

    verb: str
    read: Callable[[], LivePlan]
    of: Callable[[NodePlan], Plan]
    options: Options
    dialogue: Dialogue
    file: OutdatedFiles | None = None
    partly: bool = False


class Outcome(NamedTuple):
    """What was done, and the state that was seen after it."""

    done: LivePlan
    after: Snapshot


class _Applied(NamedTuple):
    """The state after an apply, its journal, and the token that confirms it."""

    after: Snapshot
    journal: ApplyJournal
    secret: str


def fulfil(request: Request, hold: LockHold) -> Outcome:
    """Plan, show, ask, apply, keep the state as a generation, and return the outcome.

    Where another program changes the same rules meanwhile, the node is planned again and, if other changes are needed,
    the user is asked again: see `Attempts`. A request that may be fulfilled partly goes on without what the kernel
    refuses. RefusedError (3), RestoredError (4), HalfStateError (5).
    """
    attempts = Attempts(hold.patience)
    refused: tuple[Obstacle, ...] = ()
    rounds = 0
    whole = _read(request, attempts)
    shown, agreed = whole.plan, False
    request.dialogue.show(PlanShown(request.of(shown), request.file))
    while True:
        try:
            live = _possible(request, hold, whole, refused)
            _agree(request, hold, (whole.plan, live), shown, agreed=agreed)
            shown, agreed = whole.plan, True
            applied = _apply(request, live, hold)
            break
        except (StalePlanError, OvertakenError, UnsteadyError):
            if not attempts.another():
                raise
            hold.machine.report.note(_AGAIN)
        except RestoredError as error:
            cause = error.__cause__
            if not isinstance(cause, ObjectRefusedError) or not request.partly or rounds == _MOST_REFUSED:
                raise
            rounds += 1
            refused += left_out_by(cause)
        whole = _read(request, attempts)
    if live.plan.changes:
        hold.changed.set()
    _conclude(request, live, hold, applied)
    return Outcome(live, applied.after)


def _possible(request: Request, hold: LockHold, live: LivePlan, refused: tuple[Obstacle, ...] = ()) -> LivePlan:
    """Return what is done of a plan: all of it, or for `partly` what can be done despite the obstacles.

    `refused` is what the kernel refused. RefusedError (3) if nothing can be done.
    """
    if not request.partly or hold.unfinished is not None:
        return live
    possible = live.beside((*live.plan.obstacles, *refused))
    if not possible.plan.refusals:
        possible = possible.beside(off_link(possible, request.options.flags, hold.machine.session))
    if possible.obstacles and not possible.plan.changes and request.file is None:
        check_safe(live, request.options.flags, hold.machine.session)
        listed = "\n".join(f"  {obstacle}" for obstacle in possible.obstacles)
        raise RefusedError(f"nothing of the plan of {live.plan.node} can be done, and nothing was changed:\n{listed}")
    return possible


def _read(request: Request, attempts: Attempts) -> LivePlan:
    """Return the plan of the kernel as it is, tried again while that changes faster than it can be read."""
    while True:
        try:
            return request.read()
        except UnsteadyError:
            if not attempts.another():
                raise


def _agree(
    request: Request, hold: LockHold, planned: tuple[NodePlan, LivePlan], shown: NodePlan, *, agreed: bool
) -> None:
    """Check what is done of a plan, and ask the user: RefusedError (3) if it is unsafe, or without a yes.

    A plan with the same changes as the one that was `shown`, and agreed to, needs no other yes.
    """
    plan, live = planned
    others = unlike(shown.changes, plan.changes)
    if others:
        listed = "\n".join(f"  {sign} {_change_text(change)}" for sign, change in others)
        hold.machine.report.note(f"Other changes are needed now:\n{listed}")
    check_safe(live, request.options.flags, hold.machine.session)
    if (others or not agreed) and (live.plan.changes or request.file):
        check_allowed(live.plan)
        if not request.dialogue.decide(live.plan):
            raise RefusedError("nothing was changed")


def _change_text(change: Change[Resource]) -> str:
    return f"{change.action.value} {change.resource.kind} {change.resource}"


def _apply(request: Request, live: LivePlan, hold: LockHold) -> _Applied:
    """Apply a plan with a journal."""
    machine, plan = hold.machine, live.plan
    within = request.options.within if hold.unfinished is None or plan.changes else None
    if hold.unfinished is not None:
        check_takes_over(machine.store, hold.unfinished, live.desired, live.before.backend)
    provenance, secret = provenance_of(request.verb, request.of(plan), plan), token()
    spec = None if request.file is None else str(Path(provenance.spec_path).absolute())
    journal = ApplyJournal(
        machine.store,
        provenance,
        WantedState(plan.sysctls, plan.waiting, plan.hooks, live.blocked, _wanted_traffic(plan)),
        None if within is None else confirm_within(within, secret, spec),
        machine.arm(machine.store, hold.descriptor),
    )
    with machine.report.during("preparing"):
        return _Applied(apply_plan(live, journal), journal, secret)


def _wanted_traffic(plan: NodePlan) -> Json | None:
    """Return what is kept of a plan's classes of traffic: those that are wanted; None if the plan has none at all."""
    if not plan.changes or not plan.traffic:
        return None
    return classes_to_json(traffic for traffic in plan.traffic if traffic.wanted)


def _conclude(request: Request, live: LivePlan, hold: LockHold, applied: _Applied) -> None:
    """Keep the state as a generation, note it, and write the rules to their file.

    Connections that are older than the rules are counted, or ended where the request says so. If it must be confirmed,
    the state before is restored unless a confirm comes in time: RestoredError (4).
    """
    machine, plan, flush = hold.machine, live.plan, request.options.flush
    note = machine.report.note
    if plan.changes:
        note(f"Applied. {plan.node}{_completeness(live)}; the kernel was read again to see it.")
        if request.options.within is None:
            _finish(applied.journal, note)
        else:
            _await_confirm(request, hold, applied.journal.entry, applied.secret)
    elif hold.unfinished is not None and complete(machine.store, hold.unfinished, applied.journal, applied.after):
        note(f"{hold.unfinished.entry.origin} is taken over from: {plan.node} is as planned.")
    if plan.changes or flush:
        for remark in stale_connections(applied.after, machine.connections, flush=flush):
            note(remark)
    if request.file is not None:
        request.file.write(machine.store, machine.report)


def _completeness(live: LivePlan) -> str:
    count = len(live.plan.changes)
    return f": {count} of {count + len(live.left_out)} changes are done" if live.left_out else " is as planned"


def _finish(journal: ApplyJournal, note: Callable[[str], None]) -> None:
    """Keep the generation; where that fails the journal stays, from which the next verb that writes keeps it."""
    try:
        journal.finished()
    except StoreError as error:
        note(f"{error}; `podnet recover` keeps it as soon as it can be")


def _await_confirm(request: Request, hold: LockHold, entry: JournalEntry, secret: str) -> None:
    """Wait for a confirm; RestoredError (4) if none comes in time, or after Ctrl-C.

    HalfStateError (5) if the state before could not be restored completely.
    """
    machine, count_down = hold.machine, request.dialogue.count_down
    seconds, deadline = (0.0, 0.0) if entry.confirm is None else (entry.confirm.seconds, entry.confirm.deadline)
    try:
        machine.report.note(
            f"Confirm within {seconds:g} s (until {clock.at(deadline)}), or the previous state is restored:\n"
            f"  podnet confirm {secret}"
        )
        decision = awaited(machine.store, entry, count_down)
        why = f"no confirm came within {seconds:g} s"
    except KeyboardInterrupt:
        decision = machine.store.decisions.expire(entry.id)
        why = "interrupted instead of confirmed"
    count_down(None)
    settle(machine.store, machine.open_kernel, only=entry.id)
    if decision is ConfirmDecision.EXPIRED:
        raise RestoredError(f"{why}\nNothing is changed: the previous state was restored.")
    machine.report.note("Confirmed.")
