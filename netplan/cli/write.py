"""What every verb that writes does: wait its turn, clear up, ask, apply, remember, report."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from netplan import carry
from netplan.cli.connections import tell_outdated
from netplan.cli.countdown import await_confirm
from netplan.cli.output import ask, say
from netplan.cli.persist import Pending
from netplan.cli.progress import bar
from netplan.cli.views.memory import recovery_text
from netplan.confirm import arm, asked, token
from netplan.emptied import clear_away, noting
from netplan.errors import RefusedError, StoreError
from netplan.kernel.linux import require_privilege
from netplan.masquerade import MASQUERADE_CHAIN
from netplan.net import printable
from netplan.plan import NodePlan
from netplan.recover import Recovery
from netplan.state.generations import Damaged, Generation
from netplan.state.origin import Origin
from netplan.state.store import Store, Undertaking
from netplan.state.vardir import var_dir
from netplan.unfinished import Unfinished, answered, check_takes_over, complete, settle_or_leave
from netplan.work import Work, check_allowed


class Turn(NamedTuple):
    """A verb's turn on the node: what podnet remembers there, the descriptor of the lock, and what can't be undone."""

    store: Store
    lock: int
    unfinished: Unfinished | None = None


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
        with answered(store, unfinished):
            yield Turn(store, descriptor, unfinished)


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
    """Ask whether to apply a plan, unless `yes` or nothing changes; RefusedError (3) if nobody said yes."""
    if yes or not (plan.changes or file):
        return
    check_allowed(plan)
    if not sys.stdin.isatty():
        raise RefusedError("there is no terminal to ask on, and nothing was changed: say --yes to apply without asking")
    if not ask(f"Apply this to {plan.node}?"):
        raise RefusedError("nothing was changed")


def carry_out(
    work: Work,
    here: Turn,
    origin: Origin,
    file: Pending | None = None,
    *,
    flush: bool = False,
    within: float | None = None,
) -> None:
    """Apply a plan, keep the state as a generation, tell of it, and put the rules into the file that waits for them.

    Connections that are older than the rules are counted, or with `flush` ended. With `within` the state before comes
    back unless somebody confirms within so many seconds: RestoredError (4).
    """
    if here.unfinished is not None:
        check_takes_over(here.store, here.unfinished, work.desired, work.before.backend)
        within = within if work.plan.changes else None
    secret = token()
    spec = None if file is None else str(Path(origin.spec_path).absolute())
    asked_for = None if within is None else asked(within, secret, spec)
    plan, guard = work.plan, arm(here.store, here.lock)
    undertaking = Undertaking(
        here.store, origin, plan.sysctls, asked_for, guard, waiting=plan.waiting, hooks=plan.hooks
    )
    with bar.during("preparing"):
        after = carry.carry_out(work, undertaking)
    if work.plan.changes:
        say(f"Applied. {work.plan.node} is as planned; the kernel was read again to see it.")
        if asked_for is None:
            _finish(undertaking)
        else:
            await_confirm(here.store, undertaking.entry, secret)
    elif here.unfinished is not None and complete(here.store, here.unfinished, undertaking, after):
        say(f"{here.unfinished.entry.origin} is taken over from: {work.plan.node} is as planned.")
    if work.plan.changes or flush:
        ours = [after.chains[key] for key in MASQUERADE_CHAIN.values() if key in after.chains]
        tell_outdated(ours, flush=flush)
    if file is not None:
        file.write(here.store)


def _finish(undertaking: Undertaking) -> None:
    """Keep the generation; where that fails the journal stays, from which the next podnet that writes does it."""
    try:
        undertaking.finished()
    except StoreError as error:
        say(f"{printable(str(error))}; `podnet recover` keeps it as soon as it can be")
