"""The messages of netlink on the wire: pure, bytes to attributes and back (netlink(7), linux/netlink.h)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Self, TypeAlias

from msgspec import Struct

Attributes: TypeAlias = Mapping[int, bytes]


ROUTE: Final = 0
SOCK_DIAG: Final = 4
NETFILTER: Final = 12
"""Families of netlink (linux/netlink.h)."""

APPEND: Final = 0x800
CREATE: Final = 0x400
EXCLUSIVE: Final = 0x200
REPLACE: Final = 0x100
"""What a request that makes an object does if there is one already (netlink(7), additional flag bits for NEW)."""

ERROR: Final = 2
DONE: Final = 3
ACK: Final = 0x4
"""What a request says that is to be answered even if it is done."""

_REQUEST: Final = 0x1
_CAPPED: Final = 0x100
_EXPLAINED: Final = 0x200
_NESTED: Final = 0x8000
_TYPE: Final = 0x3FFF
HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_SHORT: Final = struct.Struct("=H")
LENGTH: Final = struct.Struct("=I")
KIND: Final = struct.Struct("=HHI")
_NUMBER: Final = struct.Struct("=HHI")
_CODE: Final = struct.Struct("=i")
_MESSAGE_ATTRIBUTE: Final = 1


class _Layout(Struct, frozen=True):
    """Where attributes stand in data of one size: the whole of it, their headers, and their types."""

    form: struct.Struct
    heads: tuple[bytes, ...]
    kinds: tuple[int, ...]

    @classmethod
    def of(cls, data: bytes, spans: Sequence[tuple[int, int]], kinds: tuple[int, ...]) -> Self:
        """Return the layout of data whose attributes begin and are as long as `spans` say, with their headers."""
        form = "".join(f"4s{length - 4}s{-length % 4}x" for _, length in spans)
        return cls(struct.Struct(form), tuple(data[at : at + 4] for at, _ in spans), kinds)


_SMALL: Final = 512
_layouts: Final[dict[int, _Layout]] = {}
"""The layout that data of a size had first, if it is not longer than `_SMALL`."""


class Request(NamedTuple):
    """A message to the kernel: its type, flags beyond NLM_F_REQUEST, and its content behind the netlink header."""

    kind: int
    flags: int
    payload: bytes


class Refusal(NamedTuple):
    """Why the kernel refused a request: the number of the error, and its own words where it has some."""

    code: int
    said: str

    def __str__(self) -> str:
        words = os.strerror(self.code)
        return f"{words}: {self.said.rstrip('.')}" if self.said else words


class Pile(NamedTuple):
    """The messages of a dump as they came, one behind the other, and where each of them starts."""

    data: bytes
    starts: Sequence[int]

    def content(self, index: int) -> bytes:
        """Return what stands behind the header of a message."""
        start = self.starts[index]
        (length,) = LENGTH.unpack_from(self.data, start)
        return self.data[start + HEADER.size : start + length]


class UnsettledError(Exception):
    """Objects changed under each of several readings: what was read is not one state."""


def run_length(data: bytes, at: int, step: int) -> int:
    """Count the messages, so many bytes apart, that begin with the length, type, flags and number of the first."""
    if data[at : at + 12] != data[at + step : at + step + 12]:
        return 1
    columns = (data[at + place : at + step * _RUN : step] for place in range(12))
    return min(len(column) - len(column.lstrip(column[:1])) for column in columns)


def attributes(data: bytes) -> dict[int, bytes]:
    """Read attributes one behind the other, those within an attribute too.

    The objects of a dump are mostly laid out alike: one of a size is taken apart as the first of that size was.
    """
    layout = _layouts.get(len(data))
    if layout is not None:
        parts = layout.form.unpack(data)
        if parts[::2] == layout.heads:
            return dict(zip(layout.kinds, parts[1::2], strict=True))
    decoded = {}
    spans: list[tuple[int, int]] = []
    at, end = 0, len(data)
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        decoded[kind & _TYPE] = data[at + 4 : at + length]
        spans.append((at, length))
        at += max(4, (length + 3) & ~3)
    if (
        layout is None
        and at == end <= _SMALL
        and len(decoded) == len(spans)
        and all(length >= 4 for _, length in spans)
    ):
        _layouts[end] = _Layout.of(data, spans, tuple(decoded))
    return decoded


def elements(data: bytes) -> Iterator[bytes]:
    """Return the content of attributes of one kind one behind the other: a list."""
    at, end = 0, len(data)
    while at + 4 <= end:
        length, _ = _ATTRIBUTE.unpack_from(data, at)
        yield data[at + 4 : at + length]
        at += max(4, (length + 3) & ~3)


def attribute(kind: int, data: bytes, *, nested: bool = False) -> bytes:
    """Write an attribute, padded to four bytes."""
    length = len(data)
    head = _ATTRIBUTE.pack(length + 4, kind | _NESTED if nested else kind)
    return head + data + b"\0" * (-length % 4) if length % 4 else head + data


def number_attribute(kind: int, value: int) -> bytes:
    """Write an attribute that holds a number of 32 bits in the byte order of this machine."""
    return _NUMBER.pack(_NUMBER.size, kind, value)


def spellings(kind: int) -> list[bytes]:
    """Return the bytes of an attribute's type: in its highest two bits the kernel may say more (linux/netlink.h)."""
    return [_SHORT.pack(kind | bits) for bits in range(0, 0x10000, _TYPE + 1)]


def text(data: bytes) -> str:
    """Read a string that ends with a NUL byte."""
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")


def encode(request: Request, number: int) -> bytes:
    """Return a request as the kernel reads it, with the number that its answer will carry."""
    length = HEADER.size + len(request.payload)
    header = HEADER.pack(length, request.kind, _REQUEST | request.flags, number, 0)
    return header + request.payload + b"\0" * (-length % 4)


def decode(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Split what the kernel sent into types, flags, the number of the request, and contents."""
    at = 0
    while at < len(data):
        length, kind, flags, number, _ = HEADER.unpack_from(data, at)
        yield kind, flags, number, data[at + HEADER.size : at + length]
        at += (length + 3) & ~3


def refusal_of(flags: int, content: bytes) -> Refusal | None:
    """Read the error that an answer carries, if it carries one (linux/netlink.h, nlmsgerr)."""
    code = -_CODE.unpack_from(content)[0] if len(content) >= _CODE.size else 0
    if not code:
        return None
    behind = _CODE.size + HEADER.size
    if not flags & _CAPPED and len(content) >= behind:
        (echoed,) = struct.unpack_from("=I", content, _CODE.size)
        behind = _CODE.size + ((echoed + 3) & ~3)
    explained = attributes(content[behind:]) if flags & _EXPLAINED else {}
    return Refusal(code, text(explained.get(_MESSAGE_ATTRIBUTE, b"")))


def raise_refusal(answer: int, flags: int, content: bytes) -> None:
    """Raise the error that ends a dump, if one does; a dump that is done carries no request behind its code."""
    refusal = refusal_of(flags if answer == ERROR else 0, content)
    if refusal is not None:
        raise OSError(refusal.code, str(refusal))


_RUN: Final = 64
