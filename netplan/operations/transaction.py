"""Apply a plan: write it batch by batch, verify the outcome, and restore everything if a batch fails."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final, NamedTuple, NoReturn, Protocol, TypeAlias

from netplan.errors import (
    CheckError,
    ContendedError,
    HalfStateError,
    KernelError,
    OvertakenError,
    RestoredError,
    StoreError,
    UnsteadyError,
    message_of,
)
from netplan.kernel import Kernel
from netplan.kinds.batches import Batch, batches
from netplan.kinds.chain.value import PlacedRule
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change, ObjectRefusedError, Resource
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl.forwarding import SWITCHES, followers
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.undo import undo_changes

Handler: TypeAlias = Callable[[int, FrameType | None], None] | signal.Handlers

_ROUNDS: Final = 3
"""How often an undo is tried that the kernel refuses."""

_ROUNDS_BESIDE_OTHERS: Final = 10
"""How often it is tried while other programs change the same tables."""

_GO_ON: Final = "\n`podnet recover` goes on from here; `podnet recover --abandon` leaves the node as it is now."

_STOPPING: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

Remaining = Callable[[Snapshot], Sequence[Change[Resource]]]
"""What is still to be done in a state: nothing, when an apply has succeeded."""


class Journal(Protocol):
    """What outlives a killed process: each method returns once it is on disk, or raises StoreError (3)."""

    def opened(self, changes: Sequence[Change[Resource]], before: Snapshot) -> None:
        """Keep what is about to be done, before the first write."""

    def verified(self, after: Snapshot) -> None:
        """Keep that everything was done and observed."""

    def undone(self) -> None:
        """Forget it: the state before is restored."""


PostCheck = Callable[[Snapshot], Sequence[str]]
"""What does not work in a state that an apply has led to, in words; nothing, when it has succeeded."""


class Transaction(NamedTuple):
    """What is to be done: changes, the state before them, what is observed of it, and what remains in a later state.

    `check` is run once nothing remains.
    """

    changes: Sequence[Change[Resource]]
    before: Snapshot
    interest: Interest
    left: Remaining
    check: PostCheck = lambda _: ()


def run(transaction: Transaction, kernel: Kernel, journal: Journal) -> Snapshot:
    """Write the changes, read the kernel again, and return what was read.

    RestoredError (4) if a write failed or the outcome is not what was planned, and the state before is restored,
    OvertakenError (4) if that is because another program changed the same rules meanwhile; HalfStateError (5) if it
    could not be restored completely: then the journal stays. Without changes nothing is written, not even a journal.
    """
    if not transaction.changes:
        return transaction.before
    before = _wholly(transaction, kernel)
    attempted: list[Change[Resource]] = []
    opened = False
    with _signals(_interrupt):
        try:
            with _deferring_signals():
                journal.opened(transaction.changes, before)
                opened = True
            for batch in batches(transaction.changes, before):
                attempted += batch.changes
                _write(kernel, batch)
            after = kernel.observe(transaction.interest)
            _check(transaction, after)
            with _signals(signal.SIG_IGN):
                journal.verified(after)
        except BaseException as error:
            if not opened:
                raise
            why = _reason(error)
            with _signals(signal.SIG_IGN):
                restore(attempted, before, kernel, transaction.interest, why)
                remark = _closed(journal)
            kind = OvertakenError if isinstance(error, ContendedError | UnsteadyError) else RestoredError
            raise kind(f"{why}\nNothing is changed: the previous state was restored.{remark}") from error
    return after


def _write(kernel: Kernel, batch: Batch) -> None:
    """Write the changes of a batch; ObjectRefusedError of a table names all of them, for it is written whole."""
    try:
        kernel.write(batch)
    except KernelError as error:
        if batch.kind != "table" or isinstance(error, ContendedError | ObjectRefusedError):
            raise
        first, *others = (ObjectRefusedError(str(error), change) for change in batch.changes)
        raise ObjectRefusedError(str(error), first.change, others) from error


def _check(transaction: Transaction, after: Snapshot) -> None:
    """Raise KernelError, ContendedError or CheckError if a state is not what the job is for."""
    remaining = transaction.left(after)
    if remaining:
        others_did = all(isinstance(change.resource, PlacedRule) for change in remaining)  # a table is written whole
        kind = ContendedError if others_did else KernelError
        raise kind("the kernel does not hold what was written:\n" + _listed(remaining))
    failures = transaction.check(after)
    if failures:
        raise CheckError("\n".join(failures))


def _wholly(transaction: Transaction, kernel: Kernel) -> Snapshot:
    """Return the state before with what the kernel itself rewrites when forwarding is switched."""
    if not any(
        isinstance(change.resource, Sysctl) and change.resource.name in SWITCHES for change in transaction.changes
    ):
        return transaction.before
    known = {sysctl.name: sysctl for sysctl in transaction.before.all(Sysctl)}
    names = followers(link.name for link in transaction.before.all(Link))
    seen = kernel.observe(Interest(sysctls=names))
    return transaction.before.replace(Sysctl, ({sysctl.name: sysctl for sysctl in seen.all(Sysctl)} | known).values())


def _closed(journal: Journal) -> str:
    """Close the journal of what was undone, or return why that fails: a later verb finds nothing to undo."""
    try:
        journal.undone()
    except StoreError as error:
        return f" {error}"
    return ""


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted by {error}" if str(error) else "interrupted"
    return message_of(error)


@contextmanager
def _signals(handler: Handler) -> Iterator[None]:
    """Answer hang-up, Ctrl-C and TERM with a handler, but for those that are ignored already (nohup(1))."""
    heard = [number for number in _STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def _deferring_signals() -> Iterator[None]:
    """Defer those signals until after the block: it runs whole, or not at all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """Interrupt what is under way, once: a second signal must not interrupt the rollback, which ignores signals."""
    for stopping in _STOPPING:
        if signal.getsignal(stopping) is _interrupt:
            signal.signal(stopping, _heard)
    raise KeyboardInterrupt(signal.Signals(number).name)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Go on with the rollback."""


def undo_interest(before: Snapshot, interest: Interest) -> Interest:
    """Return what must be observed to undo changes of interest: with all parameters that may get their values back."""
    return interest | Interest(sysctls=frozenset(sysctl.name for sysctl in before.all(Sysctl)))


def restore(
    changes: Sequence[Change[Resource]], before: Snapshot, kernel: Kernel, interest: Interest, why: str
) -> tuple[Change[Resource], ...]:
    """Restore the state before in what the changes touched, and return the changes that took.

    HalfStateError (5) begins with `why`, and says what is left to do.
    """
    interest = undo_interest(before, interest)
    failures: list[Exception] = []
    try:
        now = _seen(kernel, interest)
        undo = remaining = tuple(undo_changes(before, now, changes))
        for number in range(_ROUNDS_BESIDE_OTHERS):
            refused = not all(isinstance(failure, ContendedError) for failure in failures)
            if not remaining or (refused and number >= _ROUNDS):
                break
            failures = [failure for batch in batches(remaining, now) for failure in _attempt(kernel, batch)]
            now = _seen(kernel, interest)
            remaining = tuple(undo_changes(before, now, changes))
        kernel.sweep()
    except Exception as error:
        left = f"what was begun:\n{_listed(changes)}"
        raise HalfStateError(
            f"{why}\nThe previous state could not be restored: {message_of(error)}\n{left}{_GO_ON}"
        ) from error
    if remaining:
        reasons = "".join(f"\n  {message_of(failure)}" for failure in failures)
        raise HalfStateError(
            f"{why}\nRollback is incomplete; remaining changes:\n{_listed(remaining)}{reasons}{_GO_ON}"
        )
    return undo


def _seen(kernel: Kernel, interest: Interest) -> Snapshot:
    """Return the state, read again while it changes faster than it can be read; ObserveError."""
    for _ in range(_ROUNDS_BESIDE_OTHERS - 1):
        try:
            return kernel.observe(interest)
        except UnsteadyError:
            continue
    return kernel.observe(interest)


def _attempt(kernel: Kernel, batch: Batch) -> list[Exception]:
    """Write one batch of an undo; a failure is kept, so that the batches after it are still tried."""
    try:
        kernel.write(batch)
    except Exception as error:
        return [error]
    return []


def _listed(changes: Sequence[Change[Resource]]) -> str:
    return "\n".join(f"  {change.action.value} {change.resource.kind} {change.resource}" for change in changes)
