"""Where each key and value of a document stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from netplan.errors import Location

Position: TypeAlias = tuple[int, int]  # line and column, counted from 1
Key: TypeAlias = str | int


class Entry(Struct, frozen=True):
    """The place of a value, of its key (of a list's item: its own) and of all that it holds.

    `path` is the file that they stand in, if it is another one than that of what is around them.
    """

    key: Position
    value: Position
    entries: Mapping[Key, Entry]
    path: str = ""


NO_ENTRIES: Final[Mapping[Key, Entry]] = {}


class Places(Struct, frozen=True):
    """Where each key and value of a document stands; for one that is absent, where its nearest ancestor does."""

    path: str
    root: Entry

    def key(self, *keys: Key) -> Location:
        """Return the place of a key."""
        path, entry, _ = self._nearest(keys)
        return Location(path, *entry.key)

    def value(self, *keys: Key) -> Location:
        """Return the place of a key's value."""
        path, entry, exact = self._nearest(keys)
        return Location(path, *(entry.value if exact else entry.key))

    def below(self, key: Key) -> Places:
        """Return the places of what a key holds."""
        return Places(self.path, self.root.entries.get(key, self.root))

    def _nearest(self, keys: Iterable[Key]) -> tuple[str, Entry, bool]:
        """Return the file and the entry of the last of some keys, one below the other, or of the last that is there."""
        path, entry = self.path, self.root
        for key in keys:
            child = entry.entries.get(key)
            if child is None:
                return path, entry, False
            path, entry = child.path or path, child
        return path, entry, True
