"""Problems as text: each with its place, its line and a caret, what would be right, and the places it collides with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from netplan.errors import Location, Problem, SpecError
from netplan.net import printable

LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # what YAML 1.1 takes for one

_MAX_MESSAGE: Final = 500
_WIDTH, _BEFORE = 108, 72  # how much of a line is shown, and how much of a wider one before the caret


def spec_error(problems: Iterable[Problem], path: str, text: str, beside: Mapping[str, str] | None = None) -> SpecError:
    """Make the error that reports problems of one file, each once, in the order of their places.

    `beside` are the texts of other files that they are about, by their paths; what is wrong in these comes last.
    """
    ordered = sorted(
        dict.fromkeys(problems), key=lambda problem: (problem.at.path != path, problem.at, problem.message)
    )
    return SpecError(ordered, render(ordered, path, text, beside))


def render(problems: Sequence[Problem], path: str, text: str, beside: Mapping[str, str] | None = None) -> str:
    """Return the problems as plain text: no control character of the file reaches a terminal."""
    texts = {**(beside or {}), path: text}
    # YAML does not count a byte order mark
    lines = {name: LINE_BREAK.split(content.removeprefix("\ufeff")) for name, content in texts.items()}
    shown = [line for problem in problems for line in _problem(problem, lines)]
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    files = " and ".join(dict.fromkeys(printable(problem.at.path) for problem in problems))
    return "\n".join([*shown, f"{count} in {files}"])


def _problem(problem: Problem, lines: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from _remark(problem.at, "error", problem.message, lines)
    if problem.hint:
        yield f"  help: {printable(problem.hint)}"
    for at, message in problem.related:
        yield from _remark(at, "note", message, lines)


def _remark(at: Location, severity: str, message: str, texts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    shown = message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}…"
    yield f"{printable(str(at))}: {severity}: {printable(shown)}"
    lines = texts.get(at.path, ())
    if at.line > len(lines):
        return
    line = lines[at.line - 1]
    start = max(0, at.column - 1 - _BEFORE) if len(line) > _WIDTH else 0
    end = start + _WIDTH
    before = "…" * (start > 0) + _visible(line[start : at.column - 1])
    after = _visible(line[at.column - 1 : end]) + "…" * (len(line) > end)
    number = f"{at.line:5} | "
    yield f"{number}{before}{after}".rstrip()
    yield f"{' ' * (len(number) - 2)}| {' ' * _columns(before)}^"


def _visible(text: str) -> str:
    return printable(text.replace("\t", " "))


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
