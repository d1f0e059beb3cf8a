"""A quick way through a spec whose nodes stand one a line, as those of large clusters do: the same document, sooner.

    nodes:
      hdss7-21: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}

Such lines are cut out and read by a regular expression, everything else is left to YAML. Wherever anything is not
quite like that, YAML reads all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.errors import SpecError
from netplan.spec.yaml.document import Document, Value, compose
from netplan.spec.yaml.places import NO_ENTRIES, Entry, Key, Places
from netplan.spec.yaml.scalars import plain_scalar

_NAME: Final = "[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
_SCALAR: Final = "[A-Za-z0-9](?:[A-Za-z0-9_./:-]*[A-Za-z0-9_./-])?"
_PAIR: Final = re.compile(rf"(\w+): +({_SCALAR})")
_NODE: Final = re.compile(rf"( +)({_NAME}): +({{ *\w+: +{_SCALAR}(?: *, *\w+: +{_SCALAR})* *}}) *(?: #.*)?")
_NODES: Final = re.compile(r"^nodes: *(?: #.*)?$", re.MULTILINE)
_NOTHING: Final = re.compile(" *(?:#.*)?")
_OTHER_BREAK: Final = re.compile("[\r\x85\u2028\u2029]")


class _Nodes(Struct, frozen=True):
    """Nodes that stand one a line: the line of their key, what YAML would make of them, and the text without them."""

    line: int
    value: dict[str, Value]
    entry: Entry
    rest: str


class _Pairs(Mapping[Key, Entry]):
    """The places of a node's keys, looked up in its line when somebody asks for one: few ever do."""

    def __init__(self, number: int, line: str) -> None:
        self._number = number
        self._line = line

    def __getitem__(self, key: Key) -> Entry:
        return self._entries[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def _entries(self) -> dict[Key, Entry]:
        match = _NODE.fullmatch(self._line)
        pairs = _PAIR.finditer(self._line, *match.span(3)) if match else ()
        number = self._number
        return {pair[1]: Entry((number, pair.start() + 1), (number, pair.start(2) + 1), NO_ENTRIES) for pair in pairs}


def compose_quickly(text: str, path: str) -> Document:
    """Return what `compose` gives; SpecError says where the text is no YAML."""
    nodes = _cut(text)
    document = _join(nodes, path) if nodes else None
    return document or compose(text, path)


def _join(nodes: _Nodes, path: str) -> Document | None:
    """Put the nodes where YAML finds nothing but their key; None if that is not so."""
    try:
        document = compose(nodes.rest, path)
    except SpecError:
        return None
    root = document.places.root
    entry = root.entries.get("nodes")
    in_block = root.key == min((entry.key for entry in root.entries.values()), default=None)
    if entry is None or entry.key != nodes.entry.key or document.data["nodes"] != plain_scalar("") or not in_block:
        return None
    places = Places(path, replace(root, entries={**root.entries, "nodes": nodes.entry}))
    return Document({**document.data, "nodes": nodes.value}, places, document.problems)


def _cut(text: str) -> _Nodes | None:
    """Take the nodes out of a text; None if not each of them is a line of its own."""
    nodes_line = _NODES.search(text)
    if nodes_line is None or _OTHER_BREAK.search(text):
        return None
    lines = text.split("\n")
    first = text.count("\n", 0, nodes_line.start()) + 1  # of the lines below the key, counted from 0
    values: dict[str, Value] = {}
    entries: dict[Key, Entry] = {}
    indent = ""
    like, keys = _NODE, tuple[str, ...]()
    for number in range(first, len(lines)):
        line = lines[number]
        match = like.fullmatch(line) or _NODE.fullmatch(line)
        if match is None:
            if _NOTHING.fullmatch(line):
                continue
            if line.startswith(" "):
                return None
            break
        margin, name, pairs, *written = match.groups()
        indent = indent or margin
        node = _read(keys, written) if written else _node(pairs)
        if margin != indent or name in values or node is None or plain_scalar(name) != name:
            return None
        if not written:
            keys = tuple(node)
            like = _with_keys(keys)
        place = number + 1, len(indent) + 1
        entries[name] = Entry(place, (number + 1, match.start(3) + 1), _Pairs(number + 1, line))
        values[name] = node
        lines[number] = ""
    if not values:
        return None
    start = next(iter(entries.values())).key
    return _Nodes(first, values, Entry((first, 1), start, entries), "\n".join(lines))


@lru_cache(maxsize=64)
def _with_keys(keys: tuple[str, ...]) -> re.Pattern[str]:
    """Return pattern of a node that has these keys in this order, as most nodes of a spec do; it finds the values."""
    pairs = " *, *".join(f"{key}: +({_SCALAR})" for key in keys)
    return re.compile(f"( +)({_NAME}): +({{ *{pairs} *}}) *(?: #.*)?")


def _read(keys: Iterable[str], values: Iterable[str]) -> dict[str, Value]:
    return {key: value if "/" in value else plain_scalar(value) for key, value in zip(keys, values, strict=True)}


def _node(text: str) -> dict[str, Value] | None:
    """Read the pairs of a node; None if a key stands twice, or is no text to YAML."""
    pairs: list[tuple[str, str]] = _PAIR.findall(text)
    node = _read(*zip(*pairs, strict=True))
    return node if len(node) == text.count(": ") and _are_texts(tuple(node)) else None


@lru_cache(maxsize=64)
def _are_texts(keys: tuple[str, ...]) -> bool:
    """Whether YAML takes each of some keys for a text; nodes have the same few keys over and over."""
    return all(plain_scalar(key) == key for key in keys)
