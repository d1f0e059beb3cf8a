"""The generations of a node: every state that was applied, with what led to it; the last ones are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from netplan.documents import FormatError, of_format, why
from netplan.errors import StoreError
from netplan.kinds.resource import Json
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.store import files
from netplan.store.files import UNREADABLE
from netplan.store.journal import FORMAT_VERSION, HasJournalStart, JournalEntry, JournalStart, rendered
from netplan.store.provenance import Provenance

KEPT: Final = 20

_FOLDER: Final = "generations"
_FORMAT: Final = re.compile(r'\{"format_version": "(\d+)\.')
_HEAD_CHARACTERS: Final = 64
_NAME: Final = re.compile(r"([0-9]{6,})\.json")


class Generation(Struct, HasJournalStart, frozen=True):
    """A state that was applied; `id` is that of the journal's entry, both states are as there."""

    number: int
    id: str
    origin: Provenance
    start: JournalStart
    after: Snapshot

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes of podnet on the node: those there, and those that it had before an obstacle was in the way."""
        there = tuple(route for route in self.after.all(Route) if route.ours)
        return (*there, *(route for route in self.blocked if route not in there))

    @classmethod
    def from_json(cls, data: Json) -> Generation:
        """Read what `keep` wrote."""
        with of_format(data, FORMAT_VERSION):
            start = JournalStart.from_json(data)
            after = start.state_from_json(data["after"])
            return cls(int(data["number"]), str(data["id"]), Provenance.from_json(data), start, after)


class Damaged(Struct, frozen=True):
    """A generation whose file can't be read, and why; its number is not used again.

    `format` is that of the version of podnet which wrote it, where that is another one: then nothing is wrong with it.
    """

    number: int
    path: Path
    why: str
    format: str | None = None

    def __str__(self) -> str:
        if self.format is None:
            return f"generation {self.number} can't be read and is left out: {self.path}: {self.why}"
        return (
            f"another version of podnet wrote generation {self.number}, in {self.why}: it is kept, and only that "
            f"version goes back to it ({self.path})"
        )


class Generations:
    """The generations of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / _FOLDER

    def all(self) -> tuple[Generation | Damaged, ...]:
        """Return the kept generations, the oldest first; StoreError (3) if the folder can't be read."""
        return tuple(self._read(number) for number in self._numbers())

    def newest_first(self) -> Iterator[Generation | Damaged]:
        """Return the kept generations, the newest first, each read only when it is needed: it may be large."""
        return map(self._read, reversed(self._numbers()))

    @property
    def newest(self) -> int:
        """The number of the newest that is kept, 0 if none is; StoreError (3) if the folder can't be read."""
        return max(self._numbers(), default=0)

    def keep(self, entry: JournalEntry) -> Generation:
        """Keep a verified entry of the journal as a generation, once, and return that; OSError, StoreError (3)."""
        if entry.after is None:
            raise ValueError("an entry that was not verified makes no generation")
        newest = self.newest
        if self._begins(newest, _head(newest, entry)):
            return Generation(newest, entry.id, entry.origin, entry.start, entry.after)
        files.make_folder(self.folder)
        number = newest + 1
        files.create(self._path(number), rendered(_head(number, entry), entry.started))
        for old in self._surplus():
            files.remove(self._path(old))
        return Generation(number, entry.id, entry.origin, entry.start, entry.after)

    def _surplus(self) -> list[int]:
        """Return the surplus ones; none that another version of podnet wrote, which only that one can judge."""
        numbers = self._numbers()
        if len(numbers) <= KEPT:
            return []
        return [number for number in numbers if self._is_of_this_format(number)][:-KEPT]

    def _is_of_this_format(self, number: int) -> bool:
        """Whether a file is of this version by its beginning, or damaged."""
        try:
            with self._path(number).open(encoding="utf-8", errors="replace") as file:
                named = _FORMAT.match(file.read(_HEAD_CHARACTERS))
        except OSError:
            return False
        return named is None or named[1] == FORMAT_VERSION.partition(".")[0]

    def _begins(self, number: int, head: Json) -> bool:
        """Whether a generation was made of the same entry, by the beginning of its file: the whole may be large."""
        beginning = rendered(head, "").removesuffix("}\n")
        try:
            with self._path(number).open(encoding="utf-8") as file:
                return file.read(len(beginning)) == beginning
        except UNREADABLE:
            return False

    def _read(self, number: int) -> Generation | Damaged:
        path = self._path(number)
        try:
            generation = Generation.from_json(json.loads(path.read_text(encoding="utf-8")))
            if generation.number != number:
                raise ValueError(f"it says that it is generation {generation.number}")
        except FormatError as error:
            return Damaged(number, path, str(error), error.version)
        except UNREADABLE as error:
            return Damaged(number, path, why(error))
        return generation

    def _numbers(self) -> list[int]:
        try:
            matches = [_NAME.fullmatch(path.name) for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.folder} can't be read: {error.strerror}") from error
        return sorted(int(match[1]) for match in matches if match)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06}.json"


def _head(number: int, entry: JournalEntry) -> Json:
    return {"number": number, "id": entry.id, **entry.origin.to_json()}
