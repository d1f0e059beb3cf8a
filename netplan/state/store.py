"""All that podnet remembers on a node, in one folder."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from netplan.errors import StoreError
from netplan.resource import Change, Resource
from netplan.restore import relevant
from netplan.snapshot import Snapshot
from netplan.state import files, lock
from netplan.state.generations import Generation, Generations
from netplan.state.journal import Entry, JournalFile, Phase
from netplan.state.origin import Origin


class Store:
    """The folder of a node: its lock, journal and generations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = JournalFile(folder)
        self.generations = Generations(folder)

    def locked(self, verb: str, timeout: float) -> AbstractContextManager[int]:
        """Make the folder if need be and hold its lock (see `lock.locked`); StoreError, LockedError (3)."""
        files.make_folder(self.folder)
        return lock.locked(self.folder, verb, timeout)

    def finish(self, entry: Entry) -> Generation:
        """Make a generation of an entry that was verified, unless it is one, and close the journal; StoreError (3)."""
        with files.reported("the generation", self.generations.folder):
            kept = self.generations.keep(entry)
        self.close()
        return kept

    def close(self) -> None:
        """Close the journal, if there is one; StoreError (3)."""
        with files.reported("the journal", self.journal.path):
            self.journal.remove()


class Undertaking:
    """The journal of one apply, as `apply` asks for it."""

    def __init__(self, store: Store, origin: Origin) -> None:
        self._store = store
        self._origin = origin
        self._entry: Entry | None = None

    def opened(self, changes: Sequence[Change[Resource]], before: Snapshot) -> None:
        """Write down what is about to be done; StoreError (3) if that can't be, and nothing must be written then."""
        entry = Entry(secrets.token_hex(8), self._origin, Phase.WRITING, tuple(changes), relevant(before, changes))
        with files.reported("the journal", self._store.journal.path, "; nothing was changed"):
            self._store.journal.write(entry)
        self._entry = entry

    def verified(self, after: Snapshot) -> None:
        """Write down that the outcome was seen; StoreError (3)."""
        entry = self._opened()
        entry = replace(entry, phase=Phase.VERIFIED, after=relevant(after, entry.changes))
        with files.reported("the journal", self._store.journal.path):
            self._store.journal.write(entry)
        self._entry = entry

    def undone(self) -> None:
        """Close the journal of an apply that failed and was restored; StoreError (3)."""
        self._store.close()

    def finished(self) -> Generation:
        """Make a generation of what was verified, and close the journal; StoreError (3)."""
        return self._store.finish(self._opened())

    def _opened(self) -> Entry:
        if self._entry is None:
            raise StoreError("the journal was not opened")
        return self._entry
