"""The nodes of a spec in a file of their own, for clusters of thousands of them: CSV, or JSON lines.

    name,address,subnet                          {"name": "hdss7-21", "address": "10.4.7.21/24", "mtu": 9000}
    hdss7-21,10.4.7.21/24,172.7.21.0/24          {"name": "hdss7-22", "address": "10.4.7.22/24"}

What a line says of a node is what it would say in the spec, but for its name. An empty cell says nothing.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from netplan.errors import Location, Problem, SpecError
from netplan.spec.explain import suggest
from netplan.spec.model import NodeSpec
from netplan.spec.readers import described
from netplan.spec.yaml.document import Document, Value, compose
from netplan.spec.yaml.places import NO_ENTRIES, Entry, Key, Places, Position
from netplan.spec.yaml.problems import LINE_BREAK
from netplan.spec.yaml.scalars import Plain, plain_scalar

NAME: Final = "name"
"""The key, or the title of the column, that holds the names of the nodes."""

_NESTED: Final = ("routes", "sysctl")
_TITLES: Final = (NAME, *(key for key in NodeSpec.model_fields if key not in _NESTED))
"""What a column may be called: the keys of a node whose values fit into a cell."""

_NAMELESS: Final = f"there is no {NAME}"
_NO_TEXTS: Final = frozenset({"mtu", "blackhole"})
_CELL: Final = re.compile(r' *+(?:"((?:[^"]|"")*+)" *+|([^",]*+))(?:,|$)')
_EXAMPLE: Final = '{"name": "hdss7-21", "address": "10.4.7.21/24", "subnet": "172.7.21.0/24"}'

Line: TypeAlias = tuple[int, str]
"""A line with its number, from 1."""


class NodesFile(Struct, frozen=True):
    """The nodes that a file holds as YAML would give them, with their places, and what is wrong in it."""

    path: str
    text: str
    nodes: dict[str, Value] = field(default_factory=dict)
    entries: dict[Key, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, name: str, node: Value, entry: Entry) -> None:
        """Take a node up, unless there is one of its name."""
        if name in self.nodes:
            related = ((Location(self.path, *self.entries[name].key), "the first one"),)
            self.report(entry.key, f"the node {name} stands twice in this file", "keep one of the two", related)
            return
        self.nodes[name] = node
        self.entries[name] = entry

    def report(
        self, at: Position, message: str, hint: str = "", related: tuple[tuple[Location, str], ...] = ()
    ) -> None:
        """Keep a mistake, with its line and column."""
        self.problems.append(Problem(Location(self.path, *at), message, hint, related))


def parse_nodes(text: str, path: str) -> NodesFile:
    """Read a file of nodes in the format that its name ends with, .csv or .jsonl; what is wrong is in its problems."""
    file = NodesFile(path, text)
    lines = enumerate(LINE_BREAK.split(text.removeprefix("\ufeff")), 1)
    filled = ((number, line) for number, line in lines if line and not line.isspace())
    _FORMATS[PurePath(path).suffix](filled, file)
    return file


def _read_csv(lines: Iterator[Line], file: NodesFile) -> None:
    """Read a table whose first line names the columns."""
    number, line = next(lines, (1, ""))
    titles = [title for _, title in _cells(line) or ()]
    mistakes = [*_title_problems(line, titles)]
    for column, message, hint in mistakes:
        file.report((number, column), message, hint)
    if mistakes:
        return
    named = titles.index(NAME)
    for number, line in lines:
        cells = _texts(line)
        if cells is None:
            file.report((number, 1), "the quotes of this line don't match", 'write a quote within a cell twice: ""')
        elif len(cells) != len(titles):
            hint = "write a comma for an empty cell too, and quotes around a cell that holds one"
            file.report((number, 1), f"expected {len(titles)} cells as in the first line, found {len(cells)}", hint)
        else:
            at = (number, 1 if named == 0 and line[0] != " " else _cell_start(line, named))
            values = zip(titles, cells, strict=True)
            node: dict[str, Value] = {key: _value(key, text) for key, text in values if text and key != NAME}
            if not cells[named]:
                file.report(at, _NAMELESS, f"write the name of the node into the column {NAME}")
                continue
            file.add(cells[named], node, Entry(at, at, _CsvPlaces(number, line, titles), file.path))


def _title_problems(line: str, titles: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Return the columns where the titles are wrong, with a message and what would be right."""
    if NAME not in titles:
        message = f"no column is called {NAME}" if line else "this file holds nothing"
        yield 1, message, "begin with a line such as name,address,subnet"
    seen = set[str]()
    for at, title in _cells(line) or ():
        if title and title in seen:
            yield at, f"the column {title} stands twice", ""
        elif title in _NESTED:
            yield (
                at,
                f"{title} does not fit into a cell",
                "write the nodes as JSON lines (.jsonl), or these in the spec",
            )
        elif line and not title:
            yield at, "this column has no title", f"the columns are: {', '.join(_TITLES)}"
        elif title and title not in _TITLES:
            close = suggest(title, _TITLES)
            hint = f"did you mean {close}?" if close else f"the columns are: {', '.join(_TITLES)}"
            yield at, f"{title}: there is no such key", hint
        seen.add(title)


def _value(key: str, text: str) -> Value:
    return _scalar(text, "podnet") if key in _NO_TEXTS else text


def _scalar(text: str, reader: str) -> str | Plain:
    """Return a scalar as YAML understands it; `reader` is who reads it so in this file."""
    scalar = plain_scalar(text)
    return scalar._replace(reader=reader) if isinstance(scalar, Plain) else scalar


def _texts(line: str) -> list[str] | None:
    """Return the texts of the cells of a line; None if its quotes don't match."""
    if '"' not in line:
        cells = line.split(",")
        return [cell.strip(" ") for cell in cells] if " " in line else cells
    placed = _cells(line)
    return None if placed is None else [text for _, text in placed]


def _cells(line: str) -> list[tuple[int, str]] | None:
    """Return the cells of a line, each with its column from 1; None if its quotes don't match."""
    cells: list[tuple[int, str]] = []
    at = 0
    while match := _CELL.match(line, at):
        quoted = match[1] is not None
        start = match.start(1) - 1 if quoted else match.start(2)
        cells.append((start + 1, match[1].replace('""', '"') if quoted else match[2].rstrip(" ")))
        if not match[0].endswith(","):
            return cells
        at = match.end()
    return None


def _cell_start(line: str, number: int) -> int:
    """Return the column at which a cell begins."""
    return (_cells(line) or ())[number][0]


class _LinePlaces(Mapping[Key, Entry]):
    """The places of what a line holds, looked up when one is asked for: few ever are."""

    def __getitem__(self, key: Key) -> Entry:
        return self.found()[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.found())

    def __len__(self) -> int:
        return len(self.found())

    @abstractmethod
    def found(self) -> Mapping[Key, Entry]:
        """Look the places up."""


class _CsvPlaces(_LinePlaces):
    """The places of the cells of a line, by the titles of their columns."""

    def __init__(self, number: int, line: str, titles: Sequence[str]) -> None:
        self._number = number
        self._line = line
        self._titles = titles

    def found(self) -> Mapping[Key, Entry]:
        marks = [(self._number, column) for column, _ in _cells(self._line) or ()]
        return {key: Entry(mark, mark, NO_ENTRIES) for key, mark in zip(self._titles, marks, strict=True)}


class _JsonPlaces(_LinePlaces):
    """The places of an object of JSON, which is YAML too."""

    def __init__(self, number: int, line: str) -> None:
        self._number = number
        self._line = line

    def found(self) -> Mapping[Key, Entry]:
        try:
            root = compose(self._line, "").places.root
        except SpecError:  # JSON that is no YAML 1.1, such as "\/"
            return NO_ENTRIES
        return _moved(root, self._number - 1).entries


def _moved(entry: Entry, lines: int) -> Entry:
    """Return an entry so many lines further down."""
    (key_line, key_column), (line, column) = entry.key, entry.value
    entries = {key: _moved(below, lines) for key, below in entry.entries.items()}
    return Entry((key_line + lines, key_column), (line + lines, column), entries)


class _TwiceError(ValueError):
    """A key that stands twice in an object."""


def _read_json(lines: Iterator[Line], file: NodesFile) -> None:
    """Read a file that has an object on each line."""
    for number, line in lines:
        try:
            node = _DECODER.decode(line)
        except json.JSONDecodeError as error:
            file.report((number, error.colno), f"invalid JSON: {error.msg}", f"write a line like {_EXAMPLE}")
            continue
        except (_TwiceError, RecursionError) as error:
            file.report((number, 1), str(error) if isinstance(error, _TwiceError) else "this is nested too deeply")
            continue
        if half := _half_of_a_pair(line, node):
            hint = "write the character itself, or both halves of its surrogate pair"
            file.report((number, half.start() + 1), f"{half[0]} is no character", hint)
            continue
        if not isinstance(node, dict):
            file.report((number, 1), f"expected an object, found {described(node)}", f"write a line like {_EXAMPLE}")
            continue
        name = node.pop(NAME, None)
        if not isinstance(name, str) or not name:
            message = f"expected a text as {NAME}, found {described(name)}" if name else _NAMELESS
            file.report((number, 1), message, f"write a line like {_EXAMPLE}")
            continue
        at = number, line.find('"') + 1
        values = {key: value for key, value in node.items() if value is not None}
        file.add(name, values, Entry(at, at, _JsonPlaces(number, line), file.path))


def _half_of_a_pair(line: str, value: object) -> re.Match[str] | None:
    """Return where a line has the first escape of a surrogate, if one of them in its texts stands alone."""
    escape = _SURROGATE.search(line)
    alone = escape and _ALONE.search(json.dumps(value, ensure_ascii=False))
    return escape if alone else None


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    """Return an object of JSON; _TwiceError if a key stands twice in it."""
    node = dict(pairs)
    if len(node) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(f"the key {next(key for key in node if keys.count(key) > 1)} stands twice in one object")
    return node


def _whole(text: str) -> str | Plain:
    return _scalar(text, "JSON")


def _fraction(text: str) -> Plain:
    return Plain(text, "a fraction", reader="JSON")


_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_ALONE: Final = re.compile("[\ud800-\udfff]")
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_fraction
)
_FORMATS: Final[dict[str, Callable[[Iterator[Line], NodesFile], None]]] = {".csv": _read_csv, ".jsonl": _read_json}


def with_nodes(document: Document, file: NodesFile) -> Document:
    """Return a document with the nodes of a file behind its own; one that is in both is a mistake."""
    root = document.places.root
    own, entry = document.data.get("nodes", {}), root.entries.get("nodes", root.entries["nodes_file"])
    if not isinstance(own, dict):
        return document
    problems = [*document.problems, *file.problems]
    for name in (name for name in file.nodes if name in own):
        related = ((document.places.key("nodes", name), f"node {name} of the spec"),)
        at = Location(file.path, *file.entries[name].key)
        problems.append(Problem(at, f"the node {name} stands in the spec too", "keep one of the two", related))
    merged = replace(entry, entries={**file.entries, **entry.entries})
    places = Places(document.places.path, replace(root, entries={**root.entries, "nodes": merged}))
    return Document({**document.data, "nodes": {**own, **file.nodes, **own}}, places, tuple(problems))
