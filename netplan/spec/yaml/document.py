"""YAML text -> plain data and the place of every key and value.

Built on PyYAML's events and not on its composer, which is slower, recurses as deep as the text nests, and keeps the
last of two equal keys without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

import yaml
from msgspec import Struct
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import Reader

from netplan.errors import Location, Problem
from netplan.net import printable
from netplan.spec.yaml.places import NO_ENTRIES, Entry, Key, Places, Position
from netplan.spec.yaml.problems import LINE_BREAK, spec_error
from netplan.spec.yaml.scalars import MERGE, Plain, plain_scalar

Value: TypeAlias = "dict[str, Value] | list[Value] | str | Plain"

MAX_DEPTH: Final = 32

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE_KEY: Final = "<<"
_STANDARD_TAGS: Final = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_HINTS: Final = {
    "a tab": "indent with spaces",
    "found character": "indent with spaces, and quote a text that begins with a special character",
    "mapping values are not allowed": "quote a text that contains ': ', or check the indentation of this line",
    "did not find expected key": "check the indentation of this line, or put a comma before it",
}


class Document(Struct, frozen=True):
    """A YAML mapping, the place of all that it holds, and the mistakes that did not stop the reading."""

    data: dict[str, Value]
    places: Places
    problems: tuple[Problem, ...]


def compose(text: str, path: str, example: str = "version: 1") -> Document:
    """Read one YAML document whose top level is a mapping; SpecError says where the text is not that.

    `example` is a line that the file may begin with.
    """
    problems: list[Problem] = []
    try:
        _refuse_control_characters(text, path)
        data, root = _Composer(text, path, problems).document(example)
    except _UnreadableError as error:
        raise spec_error([*problems, error.problem], path, text) from error
    except yaml.MarkedYAMLError as error:
        raise spec_error([*problems, _syntax_problem(error, path, text)], path, text) from error
    return Document(data, Places(path, root), tuple(problems))


class _UnreadableError(Exception):
    """A mistake after which the rest of the file can't be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Built(NamedTuple):
    """A value with the places of what it holds, and how many values it is when every alias is written out."""

    value: Value
    entries: Mapping[Key, Entry] = NO_ENTRIES
    size: int = 1


class _Composer:
    """Makes values of events; mistakes that leave the rest readable go to `problems`, the others are raised."""

    def __init__(self, text: str, path: str, problems: list[Problem]) -> None:
        self._events = iter(yaml.parse(text, Loader=_LOADER))
        self._latest = Event()
        self._path = path
        self._problems = problems
        self._anchors: dict[str, _Built | None] = {}  # None: its value is still being read
        self._size = 0
        self._max_size = len(text)

    def document(self, example: str) -> tuple[dict[str, Value], Entry]:
        """Read the stream's only document; `example` is a line that it may begin with."""
        self._next()  # the stream's start
        start = self._next()
        if isinstance(start, StreamEndEvent):
            raise self._refusal(start, "the file is empty", f"begin with a line `{example}`")
        first = self._next()
        built = self._value(first, 0)
        if not isinstance(built.value, dict):
            raise self._refusal(first, "the top level is not a mapping", f"begin with a line `{example}`")
        self._next()  # the document's end
        after = self._next()
        if not isinstance(after, StreamEndEvent):
            raise self._refusal(after, "a second document begins here", "a file holds one")
        return built.value, Entry(_mark(first), _mark(first), built.entries)

    def _next(self) -> Event:
        try:
            self._latest = next(self._events)
        except (ValueError, OverflowError) as error:  # PyYAML without libyaml, at "\UFFFFFFFF"
            raise self._refusal(self._latest, "after this, an escape in a text is no character") from error
        return self._latest

    def _value(self, event: Event, depth: int) -> _Built:
        if isinstance(event, AliasEvent):
            return self._alias(event)
        self._size += 1
        anchor = event.anchor if isinstance(event, NodeEvent) else None
        if anchor is None:
            return self._node(event, depth)
        self._anchors[anchor] = None
        size_before = self._size
        built = self._node(event, depth)._replace(size=1 + self._size - size_before)
        self._anchors[anchor] = built
        return built

    def _node(self, event: Event, depth: int) -> _Built:
        if isinstance(event, ScalarEvent):
            return _Built(self._scalar(event))
        self._check_tag(event)
        if depth > MAX_DEPTH:
            raise self._refusal(event, f"nested deeper than {MAX_DEPTH} levels")
        return self._sequence(depth) if isinstance(event, SequenceStartEvent) else self._mapping(depth)

    def _alias(self, event: AliasEvent) -> _Built:
        name = event.anchor or ""
        if name not in self._anchors:
            raise self._refusal(event, f"no anchor &{name} stands before this alias")
        built = self._anchors[name]
        if built is None:
            raise self._refusal(event, f"the alias *{name} stands inside the value that it names")
        self._size += built.size
        if self._size > self._max_size:
            raise self._refusal(event, "aliases make more values of this file than it has characters")
        return built

    def _scalar(self, event: ScalarEvent) -> str | Plain:
        if event.tag not in {None, "!"}:
            self._check_tag(event)
            return event.value
        return plain_scalar(event.value) if event.implicit[0] else event.value

    def _check_tag(self, event: Event) -> None:
        tag = getattr(event, "tag", None)
        if tag not in {None, "!"} and tag not in _STANDARD_TAGS:
            self._report(event, f"the tag {tag} has no meaning here", "leave the tag out")

    def _sequence(self, depth: int) -> _Built:
        items: list[Value] = []
        entries: dict[Key, Entry] = {}
        while not isinstance(event := self._next(), SequenceEndEvent):
            built = self._value(event, depth + 1)
            mark = _mark(event)
            entries[len(items)] = Entry(mark, mark, built.entries)
            items.append(built.value)
        return _Built(items, entries)

    def _mapping(self, depth: int) -> _Built:
        values: dict[str, Value] = {}
        entries: dict[Key, Entry] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            name = self._key(event, depth)
            value_event = self._next()
            built = self._value(value_event, depth + 1)
            if name in values:
                self._report_duplicate(event, name, entries[name])
                continue
            values[name] = built.value
            entries[name] = Entry(_mark(event), _mark(value_event), built.entries)
        if _MERGE_KEY in values:
            self._merge(values, entries)
        return _Built(values, entries)

    def _key(self, event: Event, depth: int) -> str:
        key = self._value(event, depth + 1).value
        if isinstance(key, str):
            return key
        if isinstance(key, Plain):
            if key.kind != MERGE:
                self._report(event, f"this key is {key}", f'write it in quotes: "{key.text}"')
            return key.text
        self._report(event, "this key is a mapping or a list; a key is a text", "check the punctuation of this line")
        return ""

    def _merge(self, values: dict[str, Value], entries: dict[Key, Entry]) -> None:
        """Replace the key `<<` by the keys of the mapping that it names, or of several; keys beside it win."""
        merged, entry = values.pop(_MERGE_KEY), entries.pop(_MERGE_KEY)
        parts = enumerate(merged) if isinstance(merged, list) else [(None, merged)]
        for number, part in parts:
            source = entry if number is None else entry.entries[number]
            if not isinstance(part, dict):
                message = "<< merges mappings, and this is none"
                self._problems.append(Problem(self._place(source.value), message, "name an anchor: <<: *name"))
                continue
            for key, value in part.items():
                values.setdefault(key, value)
                entries.setdefault(key, source.entries[key])

    def _refusal(self, event: Event, message: str, hint: str = "") -> _UnreadableError:
        return _UnreadableError(Problem(self._place(_mark(event)), message, hint))

    def _report(self, event: Event, message: str, hint: str) -> None:
        self._problems.append(Problem(self._place(_mark(event)), message, hint))

    def _report_duplicate(self, event: Event, name: str, first: Entry) -> None:
        related = ((self._place(first.key), "the first one"),)
        message = f"the key {name} stands twice in one mapping"
        self._problems.append(Problem(self._place(_mark(event)), message, "keep one of the two", related))

    def _place(self, mark: Position) -> Location:
        return Location(self._path, *mark)


def _mark(event: Event) -> Position:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _syntax_problem(error: yaml.MarkedYAMLError, path: str, text: str) -> Problem:
    message = error.problem or "this is not YAML"
    if error.problem_mark and _stands_at(error.problem_mark, text) == "\t":
        message = "a tab, where YAML takes spaces only"
    hint = next((hint for start, hint in _HINTS.items() if message.startswith(start)), "")
    at, context_at = (
        Location(path, mark.line + 1, mark.column + 1) if mark else None
        for mark in (error.problem_mark, error.context_mark)
    )
    related = ((context_at, error.context),) if context_at and context_at != at and error.context else ()
    return Problem(at or Location(path, 1, 1), message, hint, related)


def _stands_at(mark: yaml.Mark, text: str) -> str:
    """Return the character of a place, nothing behind the end of a line."""
    lines = LINE_BREAK.split(text.removeprefix("\ufeff"))
    return lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""


def _refuse_control_characters(text: str, path: str) -> None:
    """Raise on what YAML does not allow in a file: control characters such as NUL, and halves of surrogate pairs."""
    unprintable = Reader.NON_PRINTABLE.search(text)
    if unprintable:
        lines = LINE_BREAK.split(text[: unprintable.start()])
        at = Location(path, len(lines), len(lines[-1]) + 1)
        raise _UnreadableError(Problem(at, f"the character {printable(unprintable[0])} must not stand in a file"))
