"""What every verb that writes does: wait its turn, clear up, ask, apply, remember, report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

from msgspec import Struct

from netplan.cli.commands.connections import tell_outdated
from netplan.cli.countdown import await_confirm
from netplan.cli.output import ask, say, terminal
from netplan.cli.progress import bar
from netplan.cli.views.history import recovery_text
from netplan.desired.chains import MASQUERADE_CHAIN
from netplan.errors import (
    ChangedError,
    OvertakenError,
    PodnetError,
    RefusedError,
    RestoredError,
    StalePlanError,
    StoreError,
    UnsteadyError,
)
from netplan.kernel.linux import require_privilege
from netplan.kinds.resource import Change, ObjectRefusedError, Resource
from netplan.kinds.snapshot import Snapshot
from netplan.net import printable
from netplan.operations import apply
from netplan.operations.apply_journal import ApplyJournal, WantedState, provenance_of
from netplan.operations.attempts import LEAST_PATIENCE, Attempts
from netplan.operations.confirm import arm, asked, token
from netplan.operations.empty_tables import clear_away, noting
from netplan.operations.live_plan import LivePlan, check_allowed
from netplan.operations.recover import Recovery
from netplan.operations.safety import check_safe, off_link
from netplan.operations.saved_rules import Pending
from netplan.operations.unfinished import Unfinished, answered, check_takes_over, complete, settle_or_leave
from netplan.planning.fingerprint import unlike
from netplan.planning.obstacles import Obstacle, left_out_by
from netplan.planning.plan import NodePlan, Plan
from netplan.planning.safety import Flag
from netplan.store.generations import Damaged, Generation
from netplan.store.store import Store
from netplan.store.vardir import var_dir

_MOST_REFUSED: Final = 8
"""How often objects that the kernel refuses are left out before a repair is given up."""

_AGAIN: Final = "Another program changed the node meanwhile, and nothing is changed: planning again."


class Turn(NamedTuple):
    """A verb's turn on the node: what podnet remembers there, the descriptor of the lock, and what can't be undone.

    `patience` is for how many seconds something is tried again that other programs come in the way of; `changed` is set
    as soon as the node is changed to stay so.
    """

    store: Store
    lock: int
    unfinished: Unfinished | None
    patience: float
    changed: Event


class Applied(NamedTuple):
    """What an apply has led to, its journal, and what a person types to confirm it."""

    after: Snapshot
    undertaking: ApplyJournal
    secret: str


class Order(Struct, frozen=True):
    """What a verb has podnet do: how it reads and plans the node, and how that is shown.

    `of` gives the plan of the cluster that a node's plan belongs to; `flags` are the dangers that are allowed, and with
    `yes` nothing is asked. `file` waits for the rules, `flush` ends old connections, and `within` says in how many
    seconds it must be confirmed. `partly` does all that no obstacle stands in the way of.
    """

    verb: str
    read: Callable[[], LivePlan]
    of: Callable[[NodePlan], Plan]
    show: Callable[[Plan], None]
    flags: frozenset[Flag]
    yes: bool
    file: Pending | None = None
    flush: bool = False
    within: float | None = None
    partly: bool = False


@contextmanager
def turn(verb: str, folder: Path | None, timeout: float) -> Iterator[Turn]:
    """Wait for this verb's turn on the node; what an earlier one left half done is undone or finished first.

    StoreError, LockedError, PendingError, RefusedError (3); HalfStateError (5) if the state of the node is not known,
    or if what can't be undone is as it was at the end of the block.
    """
    require_privilege()
    store = Store(var_dir(folder))
    with store.locked(verb, timeout) as descriptor, clearing_away(store):
        settled = settle_or_leave(store, noting(store))
        unfinished = settled if isinstance(settled, Unfinished) else None
        if isinstance(settled, Recovery):
            say(recovery_text(settled))
        if unfinished is not None:
            say(f"warning: {printable(str(unfinished))}")
        here = Turn(store, descriptor, unfinished, max(timeout, LEAST_PATIENCE), Event())
        with answered(store, unfinished), _unforeseen(here.changed):
            yield here


@contextmanager
def _unforeseen(changed: Event) -> Iterator[None]:
    """Raise ChangedError (5) in the place of what nothing in podnet foresaw, once the node is changed."""
    try:
        yield
    except PodnetError:
        raise
    except Exception as error:
        if not changed.is_set():
            raise
        raise ChangedError(error) from error


@contextmanager
def clearing_away(store: Store) -> Iterator[None]:
    """Take away, at the end of a block that holds the lock, the tables that podnet made and no program uses."""
    try:
        yield
    finally:
        for remark in clear_away(store):
            say(printable(remark))


def intact(kept: Iterable[Generation | Damaged]) -> list[Generation]:
    """Give the generations that can be read, and warn of the others."""
    found = []
    for each in kept:
        if isinstance(each, Damaged):
            say(f"warning: {printable(str(each))}")
        else:
            found.append(each)
    return found


def confirm(plan: NodePlan, file: Pending | None = None, *, yes: bool) -> None:
    """Ask whether to apply a plan, unless `yes` or nothing changes; RefusedError (3) without a yes."""
    if yes or not (plan.changes or file):
        return
    check_allowed(plan)
    if not sys.stdin.isatty():
        raise RefusedError("there is no terminal to ask on, and nothing was changed: say --yes to apply without asking")
    if not ask(f"Apply this to {plan.node}?"):
        raise RefusedError("nothing was changed")


def carry_out(order: Order, here: Turn) -> LivePlan:
    """Plan, show it, ask, apply it, keep the state as a generation, tell of it; return what was done.

    Where another program changes the same rules meanwhile, the node is planned again and, if other changes are needed,
    asked about again: see `Attempts`. An order that is carried out partly goes on without what the kernel refuses.
    RefusedError (3), RestoredError (4), HalfStateError (5).
    """
    attempts = Attempts(here.patience)
    refused: tuple[Obstacle, ...] = ()
    rounds = 0
    whole = _read(order, attempts)
    shown, agreed = whole.plan, False
    order.show(order.of(shown))
    while True:
        try:
            work = _possible(order, here, whole, refused)
            agreed = _agree(order, whole.plan, work, shown, agreed=agreed)
            shown = whole.plan
            applied = _apply(order, work, here)
            break
        except (StalePlanError, OvertakenError, UnsteadyError):
            if not attempts.another():
                raise
            say(_AGAIN)
        except RestoredError as error:
            cause = error.__cause__
            if not isinstance(cause, ObjectRefusedError) or not order.partly or rounds == _MOST_REFUSED:
                raise
            rounds += 1
            refused += left_out_by(cause)
        whole = _read(order, attempts)
    if work.plan.changes:
        here.changed.set()
    _conclude(order, work, here, applied)
    return work


def _possible(order: Order, here: Turn, work: LivePlan, refused: tuple[Obstacle, ...] = ()) -> LivePlan:
    """Return what is done of a work: if the order may be carried out partly, what can be where obstacles stay.

    `refused` is what the kernel refused. RefusedError (3) if nothing can be done.
    """
    if not order.partly or here.unfinished is not None:
        return work
    possible = work.beside((*work.plan.obstacles, *refused))
    if not possible.plan.refusals:
        possible = possible.beside(off_link(possible, order.flags))
    if possible.obstacles and not possible.plan.changes and order.file is None:
        check_safe(work, order.flags)
        listed = "\n".join(f"  {obstacle}" for obstacle in possible.obstacles)
        raise RefusedError(f"nothing of the plan of {work.plan.node} can be done, and nothing was changed:\n{listed}")
    return possible


def _read(order: Order, attempts: Attempts) -> LivePlan:
    """Read the kernel and plan, again and again while it changes faster than it can be read."""
    while True:
        try:
            return order.read()
        except UnsteadyError:
            if not attempts.another():
                raise


def _agree(order: Order, plan: NodePlan, work: LivePlan, shown: NodePlan, *, agreed: bool) -> bool:
    """Check the work that is done of a plan, and ask for it; return True.

    A plan of the same changes as the one that was `shown`, and agreed to, is not asked for. RefusedError (3) if the
    work is unsafe, or without a yes.
    """
    others = unlike(shown.changes, plan.changes)
    if others:
        say("Other changes are needed now:\n" + "\n".join(f"  {sign} {_told(change)}" for sign, change in others))
    check_safe(work, order.flags)
    if others or not agreed:
        confirm(work.plan, order.file, yes=order.yes)
    return True


def _told(change: Change[Resource]) -> str:
    return printable(f"{change.action.value} {change.resource.kind} {change.resource}")


def _apply(order: Order, work: LivePlan, here: Turn) -> Applied:
    """Apply a plan, journal in hand."""
    within = order.within if here.unfinished is None or work.plan.changes else None
    if here.unfinished is not None:
        check_takes_over(here.store, here.unfinished, work.desired, work.before.backend)
    origin, secret, plan = provenance_of(order.verb, order.of(work.plan), work.plan), token(), work.plan
    spec = None if order.file is None else str(Path(origin.spec_path).absolute())
    asked_for = None if within is None else asked(within, secret, spec)
    undertaking = ApplyJournal(
        here.store,
        origin,
        WantedState(plan.sysctls, waiting=plan.waiting, hooks=plan.hooks, blocked=work.blocked),
        asked_for,
        arm(here.store, here.lock),
    )
    with bar.during("preparing"):
        return Applied(apply.apply_plan(work, undertaking), undertaking, secret)


def _conclude(order: Order, work: LivePlan, here: Turn, applied: Applied) -> None:
    """Keep the state as a generation, tell of it, and put the rules into the file that waits for them.

    Connections that are older than the rules are counted, or ended where the order says so. If it must be confirmed,
    the state before comes back unless a confirm comes in time: RestoredError (4).
    """
    after, undertaking, _ = applied
    if work.plan.changes:
        done = f": {len(work.plan.changes)} of {len(work.plan.changes) + len(work.left_out)} changes are done"
        said = done if work.left_out else " is as planned"
        say(f"Applied. {work.plan.node}{said}; the kernel was read again to see it.")
        if order.within is None:
            _finish(undertaking)
        else:
            await_confirm(here.store, undertaking.entry, applied.secret)
    elif here.unfinished is not None and complete(here.store, here.unfinished, undertaking, after):
        say(f"{here.unfinished.entry.origin} is taken over from: {work.plan.node} is as planned.")
    if work.plan.changes or order.flush:
        ours = [after.chains[key] for key in MASQUERADE_CHAIN.values() if key in after.chains]
        tell_outdated(ours, flush=order.flush)
    if order.file is not None:
        order.file.write(here.store, terminal)


def _finish(undertaking: ApplyJournal) -> None:
    """Keep the generation; where that fails the journal stays, from which the next podnet that writes does it."""
    try:
        undertaking.finished()
    except StoreError as error:
        say(f"{printable(str(error))}; `podnet recover` keeps it as soon as it can be")
