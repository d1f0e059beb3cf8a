"""All that podnet remembers on a node, in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from netplan.errors import LockedError, PendingError
from netplan.store import files, lock
from netplan.store.decision import DecisionFiles
from netplan.store.generations import Generation, Generations
from netplan.store.journal import Confirm, JournalEntry, JournalFile
from netplan.store.provenance import boot_id
from netplan.store.removed_rules import RemovedRulesFile
from netplan.store.sysctl_originals import OverwrittenFile
from netplan.store.tables import TablesFile
from netplan.system import clock

_HUNG_SECONDS: Final = 10.0
"""How long after the deadline a guard that has decided nothing counts as hung: it looks ten times a second."""

_DYING_SECONDS: Final = 5.0


class Store:
    """The folder of a node: its lock, journal, generations, what podnet overwrote, and the tables that it created."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = JournalFile(folder)
        self.generations = Generations(folder)
        self.decisions = DecisionFiles(folder)
        self.overwritten = OverwrittenFile(folder)
        self.removed_rules = RemovedRulesFile(folder)
        self.tables = TablesFile(folder)

    @contextmanager
    def locked(self, verb: str, timeout: float) -> Iterator[int]:
        """Make the folder if need be and hold its lock (see `lock.locked`); a guard that holds it and hangs is killed.

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
        """Kill what holds the lock and hangs; LockedError, PendingError (3) if that does neither hang nor end."""
        entry = self.journal.read()
        if entry is None and error.verb == lock.GUARD:
            return
        if entry is None or entry.confirm is None:
            raise error
        if self.waits(entry):
            raise pending_error(entry) from error
        if not self._overdue(entry, entry.confirm):
            raise error
        lock.end_holder(self.folder)
        entry.confirm.process.kill()

    def waits(self, entry: JournalEntry) -> bool:
        """Whether an entry waits for its confirm: it is in time, and nothing was decided."""
        confirm = entry.confirm if entry.pending and entry.origin.boot_id == boot_id() else None
        return confirm is not None and clock.now() < confirm.deadline and self.decisions.read(entry.id) is None

    def _overdue(self, entry: JournalEntry, confirm: Confirm) -> bool:
        """Whether the guard of an entry should have decided long ago: it hangs, and so does the apply, if alive."""
        return clock.now() >= confirm.deadline + _HUNG_SECONDS and self.decisions.read(entry.id) is None

    def finish(self, entry: JournalEntry) -> Generation:
        """Keep a verified entry as a generation, remember what it overwrote, and close the journal; StoreError (3)."""
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


def pending_error(entry: JournalEntry) -> PendingError:
    """Return the error of an entry that waits for its confirm: whose it is, and until when it waits."""
    until = f" until {clock.at(entry.confirm.deadline)}" if entry.confirm else ""
    return PendingError(
        f"{entry.origin} waits for its confirm{until}: podnet confirm, or wait; nothing was changed now"
    )
