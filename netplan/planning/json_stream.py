"""JSON in pieces: a document that is larger than memory is read value by value, none of them larger than a limit.

Bytes are looked at as Latin-1, in which each of them is a character and JSON's own are what they are: places in the
text are places in the file. What a value's texts say is known once it is decoded by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

_CHUNK: Final = 1 << 20
_EXPONENT: Final = 2
"""So many characters behind a number may belong to it once the next one is there: `1e+`, and then `5`."""

_SPACE: Final = " \t\n\r"
_decode: Final = json.JSONDecoder().raw_decode


class Part(NamedTuple):
    """A value of a document: its content, but for texts beyond ASCII, and its bytes' place and number in the file."""

    value: Any
    start: int
    length: int


class TooLargeError(ValueError):
    """A value that is larger than the limit."""


class JsonStream:
    """A document of JSON that is read from its beginning; JSONDecodeError has the line and column in the file."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._text = ""
        self._start = file.tell()
        self._at = 0
        self._usual = 0
        self._line, self._column = 1, 1

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that is next; the value of each is to be read before the next key."""
        for _ in self._separated("{", "}", "an object"):
            key = self.value().value
            if not isinstance(key, str):
                raise self._wrong("Expecting property name enclosed in double quotes")
            self._expect(":")
            yield key

    def items(self) -> Iterator[Part]:
        """Yield the values of the array that is next."""
        for _ in self._separated("[", "]", "a list"):
            yield self.value()

    def value(self) -> Part:
        """Read the value that is next; TooLargeError, JSONDecodeError or RecursionError if that can't be done."""
        self._next()
        self._forget()
        while len(self._text) < 2 * self._usual and self._more():
            pass
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) > self._limit:
                    raise TooLargeError from error
                if not self._more():
                    raise self._placed(error) from error
                continue
            if end + _EXPONENT < len(self._text) or not self._more():
                break
        part = Part(value, self._start + self._at, end - self._at)
        if part.length > self._limit:
            raise TooLargeError
        self._usual, self._at = part.length, end
        return part

    def end(self) -> None:
        """See that nothing but space is left."""
        if self._next():
            raise self._wrong("Extra data")

    def _separated(self, opening: str, closing: str, what: str) -> Iterator[None]:
        """Yield once before each part between an opening and its closing character, which commas separate."""
        if self._next() != opening:
            self.value()
            raise ValueError(f"{what} is expected")
        self._at += 1
        goes_on = self._next() != closing
        while goes_on:
            yield
            goes_on = self._next() == ","
            if goes_on:
                self._at += 1
        if self._next() != closing:
            raise self._wrong("Expecting ',' delimiter")
        self._at += 1

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise self._wrong(f"Expecting {character!r}")
        self._at += 1

    def _next(self) -> str:
        """Go to the next character that is no space, and return it; nothing at the end of the document."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _more(self) -> bool:
        """Read on, about as much as is there; whether the file has more."""
        chunk = self._file.read(max(_CHUNK, len(self._text) - self._at))
        self._text += chunk.decode("latin-1")
        return bool(chunk)

    def _forget(self) -> None:
        """Let go of what was read, but for its lines."""
        read = self._text[: self._at]
        lines = read.count("\n")
        self._line += lines
        self._column = len(read) - read.rfind("\n") if lines else self._column + len(read)
        self._start += self._at
        self._text, self._at = self._text[self._at :], 0

    def _wrong(self, message: str) -> json.JSONDecodeError:
        return self._placed(json.JSONDecodeError(message, self._text, self._at))

    def _placed(self, error: json.JSONDecodeError) -> json.JSONDecodeError:
        """Return an error the place that it has in the file."""
        error.colno += self._column - 1 if error.lineno == 1 else 0
        error.lineno += self._line - 1
        return error
