"""The journal of one apply: what it is about to do, that it was seen to be done, and the generation of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.hooks import Hook
from netplan.errors import StoreError
from netplan.kinds.resource import Change, Json, Resource
from netplan.kinds.route.value import Route, RouteKey
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.plan import NodePlan, Plan
from netplan.planning.undo import AppliedChanges, earlier, relevant
from netplan.store import files
from netplan.store.generations import Generation
from netplan.store.journal import Confirm, JournalEntry, JournalStart, Phase
from netplan.store.provenance import Provenance, boot_id, local_time, who
from netplan.store.store import Store
from netplan.system import clock


def provenance_of(verb: str, plan: Plan, node: NodePlan) -> Provenance:
    """Return what the journal says of this process, which is about to carry out the plan of a node."""
    spec = (plan.cluster, plan.spec_path, plan.spec_sha256)
    return Provenance(verb, node.node, node.address, *spec, who(), local_time(), boot_id())


class WantedState(Struct, frozen=True):
    """What is desired of a node beyond the changes of one apply: it is restored after a reboot.

    `sysctls` are the desired parameters: of the state after no others are kept. `waiting` are those of missing devices,
    and `hooks` say where our jumps belong. `blocked` are the keys of routes that an obstacle keeps out: those that the
    newest generation had there are remembered. `traffic` are the classes of traffic, None if they are unknown.
    """

    sysctls: Collection[str]
    waiting: Collection[Sysctl] = ()
    hooks: tuple[Hook, ...] | None = None
    blocked: Collection[RouteKey] = ()
    traffic: Json | None = None


def _start(former: JournalEntry | None, applied: AppliedChanges) -> JournalStart:
    """Return what an apply starts from; with what a former one has left, whose undo is then that of both."""
    if former is None:
        return JournalStart(tuple(applied.changes), relevant(applied.before, applied.changes))
    first = AppliedChanges(former.touched, former.before)
    changes = (*first.changes, *applied.changes)
    return JournalStart(changes, relevant(earlier(first.before, [first, applied]), changes))


class ApplyJournal:
    """The journal of one apply, as a transaction keeps it; it takes over from one that is still there.

    With `confirm` the apply must be confirmed, and `arm` starts the guard that restores the state before without that.
    """

    def __init__(
        self,
        store: Store,
        provenance: Provenance,
        wanted: WantedState,
        confirm: Confirm | None = None,
        arm: Callable[[JournalEntry], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._provenance = provenance
        self._wanted = wanted
        self._confirm = confirm
        self._arm = arm
        self._entry: JournalEntry | None = None
        self._former: JournalEntry | None = None

    def opened(self, changes: Sequence[Change[Resource]], before: Snapshot) -> None:
        """Write down what is about to be done; StoreError (3) if that can't be, and nothing must be written then."""
        self._former = self._store.journal.read()
        start = _start(self._former, AppliedChanges(tuple(changes), before))
        start = replace(start, hooks=self._wanted.hooks, blocked=self._had_before(), traffic=self._wanted.traffic)
        entry = JournalEntry(secrets.token_hex(8), self._provenance, Phase.WRITING, start, confirm=self._confirm)
        with files.reported("the journal", self._store.journal.path, "; nothing was changed"):
            self._store.journal.write(entry)
        with suppress(OSError):
            self._store.decisions.forget()
        self._entry = entry
        if entry.confirm is not None:
            self._start_guard(entry)

    def _had_before(self) -> tuple[Route, ...]:
        """Return the routes that the newest generation had in the blocked places."""
        newest = next(self._store.generations.newest_first(), None) if self._wanted.blocked else None
        if not isinstance(newest, Generation) or newest.origin.node != self._provenance.node:
            return ()
        return tuple(route for route in newest.routes if route.key in self._wanted.blocked)

    def _start_guard(self, entry: JournalEntry) -> None:
        try:
            self._arm(entry)
        except BaseException:
            self.undone()
            raise

    def verified(self, after: Snapshot) -> None:
        """Write down that the outcome was observed; the time for a confirm counts from now. StoreError (3)."""
        entry = self.entry
        confirm = entry.confirm and replace(entry.confirm, deadline=clock.now() + entry.confirm.seconds)
        late = {sysctl.name for sysctl in self._wanted.waiting}
        names = self._wanted.sysctls
        wanted = [sysctl for sysctl in after.all(Sysctl) if sysctl.name in names and sysctl.name not in late]
        kept = relevant(after, entry.changes).replace(Sysctl, [*wanted, *self._wanted.waiting])
        entry = replace(entry, phase=Phase.VERIFIED, after=kept, confirm=confirm)
        with files.reported("the journal", self._store.journal.path):
            self._store.journal.write(entry)
        self._entry = entry

    def undone(self) -> None:
        """Close the journal of an apply that was rolled back, or go back to the former one; StoreError (3)."""
        if self._former is None:
            self._store.close()
            return
        again = replace(self._former, phase=Phase.WRITING, after=None, confirm=None)  # that it goes is decided
        with files.reported("the journal", self._store.journal.path):
            self._store.journal.write(again)

    def finished(self) -> Generation:
        """Return a new generation of what was verified, and close the journal; StoreError (3)."""
        return self._store.finish(self.entry)

    @property
    def entry(self) -> JournalEntry:
        """What the journal says; StoreError if it was not opened."""
        if self._entry is None:
            raise StoreError("the journal was not opened")
        return self._entry
