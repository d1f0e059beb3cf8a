"""Readers: from what the file says to a value, with an error that says in plain words what would be right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final, TypeVar

from netplan.spec.yaml.scalars import Plain

T = TypeVar("T")

MAX_TEXT: Final = 1024


class WrongValueError(ValueError):
    """A value that its key can't take, and what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def described(value: object) -> str:
    """Describe what stands where something else should."""
    if isinstance(value, Plain):
        return str(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 80 else f"{value[:76]} ...")
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return "a list" if isinstance(value, list) else repr(value)


def unwrap(value: object) -> object:
    """Return the value of a scalar that YAML takes for a number or a truth value, and anything else as it is."""
    return value.value if isinstance(value, Plain) and value.value is not None else value


def flag(value: object) -> bool:
    """Read true or false."""
    plain = unwrap(value)
    if isinstance(plain, bool):
        return plain
    quoted = isinstance(value, str) and value in {"true", "false"}
    raise WrongValueError(
        f"expected true or false, found {described(value)}", "write it without quotes" if quoted else ""
    )


def whole_number(low: int, high: int) -> Callable[[object], int]:
    """Make the reader of a whole number within bounds."""

    def read(value: object) -> int:
        plain = unwrap(value)
        if not isinstance(plain, int) or isinstance(plain, bool):
            quoted = isinstance(value, str) and value.isdecimal()
            hint = "write it without quotes" if quoted else ""
            raise WrongValueError(f"expected a whole number from {low} to {high}, found {described(value)}", hint)
        if not low <= plain <= high:
            raise WrongValueError(f"expected a whole number from {low} to {high}, found {plain}")
        return plain

    return read


def text(expected: str, parse: Callable[[str], T]) -> Callable[[object], T]:
    """Make the reader of a text that `parse` understands; `expected` says in plain words what the text is."""

    def read(value: object) -> T:
        if isinstance(value, str) and len(value) <= MAX_TEXT:
            return parse(value)
        hint = f'write it in quotes: "{value.text}"' if isinstance(value, Plain) and _parses(parse, value.text) else ""
        raise WrongValueError(f"expected {expected}, found {described(value)}", hint)

    return read


def _parses(parse: Callable[[str], object], value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True
