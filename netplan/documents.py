"""What is wrong with a file of JSON that a person or a program has changed, in words, and where it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

T = TypeVar("T")

INVALID_JSON_VALUE: Final = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading JSON values raises that are not what podnet wrote."""


class MisplacedError(ValueError):
    """Something wrong within JSON values: the way to it, such as `chains[3]`, and what it is."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


class FormatError(ValueError):
    """JSON values are in the format of another version of podnet."""

    def __init__(self, version: str, current: str) -> None:
        super().__init__(f"format {version}; this podnet reads {current}")
        self.version = version


@contextmanager
def of_format(data: Any, current: str) -> Iterator[None]:  # noqa: ANN401 - whatever JSON holds
    """Read values within a block that are of the current format, or of another one with the same first number.

    FormatError if the first number is another one, or if the second one is later and something can't be read: that is
    new in it, and no damage.
    """
    check_format(data, current)
    try:
        yield
    except INVALID_JSON_VALUE as error:
        version = str(data["format_version"])
        if _second(version) > _second(current):
            raise FormatError(version, current) from error
        raise


def check_format(data: Any, current: str) -> None:  # noqa: ANN401 - whatever JSON holds
    """Raise FormatError for JSON values of a format whose first number is not that of the current one."""
    version = str(data["format_version"])
    if version.partition(".")[0] != current.partition(".")[0]:
        raise FormatError(version, current)


def _second(version: str) -> int:
    number = version.partition(".")[2]
    return int(number) if number.isdecimal() else 0


def read_all(name: str, items: Iterable[Any], read: Callable[[Any], T]) -> list[T]:
    """Read every item of a list; MisplacedError names the one that is wrong by the list's name and its number."""
    values = []
    for number, item in enumerate(items):
        try:
            values.append(read(item))
        except MisplacedError as error:
            raise MisplacedError(f"{name}[{number}].{error.where}", error.why) from error
        except INVALID_JSON_VALUE as error:
            raise MisplacedError(f"{name}[{number}]", why(error)) from error
    return values


@contextmanager
def within(where: str) -> Iterator[None]:
    """Say of what a block raises that is no JSON of podnet's where it is: MisplacedError."""
    try:
        yield
    except MisplacedError as error:
        raise MisplacedError(f"{where}.{error.where}", error.why) from error
    except INVALID_JSON_VALUE as error:
        raise MisplacedError(where, why(error)) from error


def explained(error: Exception, path: str, what: str) -> str:
    """Return the message of an error that reading a file raised: FILE:LINE:COL where it is no JSON, else the part."""
    if isinstance(error, json.JSONDecodeError):
        end = "; the file ends too early" if _cut_off(error) else ""
        return f"{path}:{error.lineno}:{error.colno}: invalid JSON, and so not {what}: {error.msg}{end}"
    return f"{path} is not {what}: {why(error)}"


def _cut_off(error: json.JSONDecodeError) -> bool:
    """Whether JSON is wrong since it ends too early; the place of a string that does not end is its beginning."""
    return error.msg.startswith("Unterminated string") or not error.doc[error.pos :].strip()


def why(error: Exception) -> str:
    """Say in words what reading a file, or the JSON values in it, raised."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"the key {error} is missing"
    if isinstance(error, TypeError | AttributeError):
        return f"a value of another type is expected ({error})"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
