"""What an earlier apply has left that can't be undone: a plan takes over from it, or it is abandoned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from netplan.desired.model import Desired
from netplan.errors import HalfStateError, PodnetError, RefusedError, RestoredError
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.resource import Change, Resource
from netplan.kinds.snapshot import Snapshot
from netplan.operations.apply_journal import ApplyJournal
from netplan.operations.interface_wait import PATIENCE, NotReadyError
from netplan.operations.settle import OpenKernel, Recovery, settle, stays
from netplan.operations.transaction import undo_interest
from netplan.planning.interest import interest_of
from netplan.planning.takeover import uncovered
from netplan.planning.undo import undo_changes
from netplan.store.files import reported, set_aside
from netplan.store.journal import JournalEntry
from netplan.store.store import Store


class Leftover(Struct, frozen=True):
    """What a journal says that can be abandoned: its entry, and the changes that would undo it.

    `unknown` says why one or both are unknown, else it is empty.
    """

    entry: JournalEntry | None
    changes: tuple[Change[Resource], ...] = ()
    unknown: str = ""


class Unfinished(NamedTuple):
    """An apply that could not be undone completely: what remains of that, and the error that says so."""

    entry: JournalEntry
    changes: tuple[Change[Resource], ...]
    error: PodnetError

    def __str__(self) -> str:
        return f"{self.entry.origin} can't be undone wholly: a plan that decides over what is left takes over from it"

    def open(self, store: Store) -> bool:
        """Whether the journal tells of it still."""
        now = store.journal.read()
        return now is not None and now.id == self.entry.id

    def again(self, remark: str) -> PodnetError:
        """Return its error once more, with a remark."""
        return type(self.error)(f"{self.error}\n{remark}")


def settle_or_leave(store: Store, open_kernel: OpenKernel, patience: float = PATIENCE) -> Recovery | Unfinished | None:
    """Settle as `settle`, for a verb that plans anew: what can't be undone completely is left to that plan."""
    try:
        return settle(store, open_kernel, patience)
    except (HalfStateError, NotReadyError) as error:
        left = leftover(store, open_kernel)
        if left is None or left.entry is None:
            raise
        return Unfinished(left.entry, left.changes, error)


def check_takes_over(store: Store, unfinished: Unfinished, desired: Desired | None, backend: FirewallBackend) -> None:
    """Raise the error of an undo that is not finished unless a plan for a packet filter decides over all that is left.

    The same journal may have been closed meanwhile: then nothing is left.
    """
    if not unfinished.open(store):
        return
    other = unfinished.entry.before.backend is not backend
    rest = unfinished.changes if other else uncovered(unfinished.changes, desired)
    if rest:
        listed = "\n".join(f"  {change.action.value} {change.resource.kind} {change.resource}" for change in rest)
        raise unfinished.again(f"What this plan does not decide over:\n{listed}")


@contextmanager
def answered(store: Store, unfinished: Unfinished | None) -> Iterator[None]:
    """Plan and apply within a block; refused or undone, that leaves the node as the unfinished apply has left it."""
    try:
        yield
    except (RefusedError, RestoredError) as error:
        if unfinished is None or not unfinished.open(store):
            raise
        raise unfinished.again(str(error)) from error


def complete(store: Store, unfinished: Unfinished, journal: ApplyJournal, now: Snapshot) -> bool:
    """Take over from an apply where a plan has nothing to change: its state is kept as a generation; StoreError (3).

    False if the journal no longer has it.
    """
    if not unfinished.open(store):
        return False
    journal.opened((), now)
    journal.verified(now)
    journal.finished()
    return True


def leftover(store: Store, open_kernel: OpenKernel) -> Leftover | None:
    """Return what there is to abandon: None without a journal, or if it was done whole. The caller holds the lock.

    PendingError (3) if it waits for its confirm.
    """
    try:
        entry = store.journal.read()
    except HalfStateError as error:
        return Leftover(None, unknown=str(error))
    if entry is None or stays(store, entry):
        return None
    try:
        now = open_kernel(entry.before.backend).observe(undo_interest(entry.before, interest_of(entry.changes)))
    except PodnetError as error:
        return Leftover(entry, unknown=str(error))
    return Leftover(entry, tuple(undo_changes(entry.before, now, entry.touched)))


def abandon_entry(store: Store, left: Leftover) -> Path:
    """Close a journal, and return the file beside it in which it is kept; StoreError (3).

    What its sysctls were before podnet is remembered, as of an apply that was done.
    """
    with reported("the journal", store.journal.path):
        if left.entry is not None:
            store.overwritten.keep(left.entry)
        kept = set_aside(store.journal.path, "abandoned")
    return kept or store.journal.path
