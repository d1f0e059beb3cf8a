"""All that podnet remembers on a node, in one folder."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from netplan.desired.hooks import Hook
from netplan.errors import LockedError, PendingError, StoreError
from netplan.kinds.resource import Change, Resource
from netplan.kinds.route.value import Route, RouteKey
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.undo import Deed, earlier, relevant
from netplan.store import files, lock
from netplan.store.decision import Verdicts
from netplan.store.generations import Generation, Generations
from netplan.store.journal import Begun, Confirm, Entry, JournalFile, Phase
from netplan.store.provenance import Origin, boot_id
from netplan.store.removed_rules import TakenFile
from netplan.store.sysctl_originals import OverwrittenFile
from netplan.store.tables import TablesFile
from netplan.system import clock

_HUNG_SECONDS: Final = 10.0
"""How long after the deadline a guard is taken to hang that has decided nothing: it looks ten times a second."""

_DYING_SECONDS: Final = 5.0


class Store:
    """The folder of a node: its lock, journal, generations, what podnet overwrote, and the tables that it made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = JournalFile(folder)
        self.generations = Generations(folder)
        self.verdicts = Verdicts(folder)
        self.overwritten = OverwrittenFile(folder)
        self.taken = TakenFile(folder)
        self.tables = TablesFile(folder)

    @contextmanager
    def locked(self, verb: str, timeout: float) -> Iterator[int]:
        """Make the folder if need be and hold its lock (see `lock.locked`); a guard that holds it and hangs is ended.

        StoreError, LockedError, PendingError (3); HalfStateError (5) if the journal is damaged.
        """
        files.make_folder(self.folder)
        with ExitStack() as stack:
            try:
                descriptor = stack.enter_context(lock.locked(self.folder, verb, timeout))
            except LockedError as error:
                self._make_way(error)
                descriptor = stack.enter_context(lock.locked(self.folder, verb, max(timeout, _DYING_SECONDS)))
            yield descriptor

    def _make_way(self, error: LockedError) -> None:
        """End what holds the lock and hangs; LockedError, PendingError (3) if it does not, and is not about to end."""
        entry = self.journal.read()
        if entry is None and error.verb == lock.GUARD:
            return
        if entry is None or entry.confirm is None:
            raise error
        if self.waits(entry):
            raise pending(entry) from error
        if not self._overdue(entry, entry.confirm):
            raise error
        lock.end_holder(self.folder)
        entry.confirm.process.kill()

    def waits(self, entry: Entry) -> bool:
        """Whether an entry waits for its confirm: it is in time, and nothing was decided."""
        confirm = entry.confirm if entry.pending and entry.origin.boot_id == boot_id() else None
        return confirm is not None and clock.now() < confirm.deadline and self.verdicts.read(entry.id) is None

    def _overdue(self, entry: Entry, confirm: Confirm) -> bool:
        """Whether the guard of an entry should have decided long ago: it hangs, and so does the apply if it lives."""
        return clock.now() >= confirm.deadline + _HUNG_SECONDS and self.verdicts.read(entry.id) is None

    def finish(self, entry: Entry) -> Generation:
        """Make a generation of a verified entry, remember what it overwrote, and close the journal; StoreError (3)."""
        with files.reported("the generation", self.generations.folder):
            kept = self.generations.keep(entry)
        with files.reported("the sysctls before podnet", self.overwritten.path):
            self.overwritten.keep(entry)
        self.close()
        return kept

    def close(self) -> None:
        """Close the journal, if there is one; StoreError (3)."""
        with files.reported("the journal", self.journal.path):
            self.journal.remove()


def pending(entry: Entry) -> PendingError:
    """Say of an entry that waits for its confirm whose it is, and until when it waits."""
    until = f" until {clock.at(entry.confirm.deadline)}" if entry.confirm else ""
    return PendingError(
        f"{entry.origin} waits for its confirm{until}: podnet confirm, or wait; nothing was changed now"
    )


def _begun(former: Entry | None, deed: Deed) -> Begun:
    """Return what is begun by a deed; with what a former apply has left, whose undo is then that of both."""
    if former is None:
        return Begun(tuple(deed.changes), relevant(deed.before, deed.changes))
    first = Deed(former.touched, former.before)
    changes = (*first.changes, *deed.changes)
    return Begun(changes, relevant(earlier(first.before, [first, deed]), changes))


class Undertaking:
    """The journal of one apply, as `apply` asks for it; one that is there still is taken over from.

    `sysctls` are the parameters that are wanted: of the state after, which a reboot brings back, no others are kept;
    `waiting` are those of devices that are not there yet, and are kept with them, as are the `hooks`, by which our
    jumps find their places again. `blocked` are the places of routes that something stands in the way of: those that
    the newest generation had there are remembered.
    With `confirm` it is to be confirmed, and `arm` starts what brings the state before back where nobody does.
    """

    def __init__(  # noqa: PLR0913 - what most leave out is optional
        self,
        store: Store,
        origin: Origin,
        sysctls: Collection[str],
        confirm: Confirm | None = None,
        arm: Callable[[Entry], None] = lambda _: None,
        *,
        waiting: Collection[Sysctl] = (),
        hooks: tuple[Hook, ...] | None = None,
        blocked: Collection[RouteKey] = (),
    ) -> None:
        self._store = store
        self._origin = origin
        self._sysctls = sysctls
        self._waiting = waiting
        self._hooks = hooks
        self._blocked = blocked
        self._confirm = confirm
        self._arm = arm
        self._entry: Entry | None = None
        self._former: Entry | None = None

    def opened(self, changes: Sequence[Change[Resource]], before: Snapshot) -> None:
        """Write down what is about to be done; StoreError (3) if that can't be, and nothing must be written then."""
        self._former = self._store.journal.read()
        begun = _begun(self._former, Deed(tuple(changes), before))
        begun = replace(begun, hooks=self._hooks, blocked=self._had_before())
        entry = Entry(secrets.token_hex(8), self._origin, Phase.WRITING, begun, confirm=self._confirm)
        with files.reported("the journal", self._store.journal.path, "; nothing was changed"):
            self._store.journal.write(entry)
        with suppress(OSError):
            self._store.verdicts.forget()
        self._entry = entry
        if entry.confirm is not None:
            self._start_guard(entry)

    def _had_before(self) -> tuple[Route, ...]:
        """Return the routes that the newest generation had in the places that are blocked."""
        newest = next(self._store.generations.newest_first(), None) if self._blocked else None
        if not isinstance(newest, Generation) or newest.origin.node != self._origin.node:
            return ()
        return tuple(route for route in newest.routes if route.key in self._blocked)

    def _start_guard(self, entry: Entry) -> None:
        try:
            self._arm(entry)
        except BaseException:
            self.undone()
            raise

    def verified(self, after: Snapshot) -> None:
        """Write down that the outcome was seen, from when on the time for a confirm counts; StoreError (3)."""
        entry = self.entry
        confirm = entry.confirm and replace(entry.confirm, deadline=clock.now() + entry.confirm.seconds)
        late = {each.name for each in self._waiting}
        wanted = [each for each in after.all(Sysctl) if each.name in self._sysctls and each.name not in late]
        kept = relevant(after, entry.changes).replace(Sysctl, [*wanted, *self._waiting])
        entry = replace(entry, phase=Phase.VERIFIED, after=kept, confirm=confirm)
        with files.reported("the journal", self._store.journal.path):
            self._store.journal.write(entry)
        self._entry = entry

    def undone(self) -> None:
        """Close the journal of an apply that failed and was restored, or go back to that of before; StoreError (3)."""
        if self._former is None:
            self._store.close()
            return
        again = replace(self._former, phase=Phase.WRITING, after=None, confirm=None)  # that it goes is decided
        with files.reported("the journal", self._store.journal.path):
            self._store.journal.write(again)

    def finished(self) -> Generation:
        """Make a generation of what was verified, and close the journal; StoreError (3)."""
        return self._store.finish(self.entry)

    @property
    def entry(self) -> Entry:
        """What the journal says; StoreError if it was not opened."""
        if self._entry is None:
            raise StoreError("the journal was not opened")
        return self._entry
