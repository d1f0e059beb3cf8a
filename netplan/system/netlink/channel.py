"""netlink(7): attributes, dumps that are whole, and many requests in one system call.

The messages are decoded here and not by pyroute2, whose decoders take a hundred microseconds for what takes five: a
node may have 65,536 routes, or a quarter of a million connections.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeAlias

from msgspec import Struct

Attributes: TypeAlias = Mapping[int, bytes]
Answered: TypeAlias = Callable[[int, int], None]
"""Hears how many of how many requests have been answered."""

ROUTE: Final = 0
SOCK_DIAG: Final = 4
NETFILTER: Final = 12
"""Families of netlink (linux/netlink.h)."""

APPEND: Final = 0x800
CREATE: Final = 0x400
EXCLUSIVE: Final = 0x200
REPLACE: Final = 0x100
"""What a request that makes an object does if there is one already (netlink(7), additional flag bits for NEW)."""

_ERROR: Final = 2
_DONE: Final = 3
ACK: Final = 0x4
"""What a request says that is to be answered even if it is done."""

_REQUEST: Final = 0x1
_DUMP: Final = 0x300
_INTERRUPTED: Final = 0x10
_CAPPED: Final = 0x100
_EXPLAINED: Final = 0x200
_NESTED: Final = 0x8000
_TYPE: Final = 0x3FFF
_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_SHORT: Final = struct.Struct("=H")
_LENGTH: Final = struct.Struct("=I")
_KIND: Final = struct.Struct("=HHI")
_NUMBER: Final = struct.Struct("=HHI")
_CODE: Final = struct.Struct("=i")

_SOL_NETLINK: Final = 270
_OPTIONS: Final = (10, 11, 12)
"""NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK: short answers that say why, and dumps that are filtered."""
_MESSAGE_ATTRIBUTE: Final = 1

_SECONDS: Final = 30.0
_TRIES: Final = 5
_BUFFER: Final = 1 << 18
_RUN: Final = 64
_BATCH: Final = 128
"""Requests in one system call: even if each of them is refused, the answers fit into a receive buffer."""


class _Layout(Struct, frozen=True):
    """Where attributes stand in data of one size: the whole of it, their headers, and their types."""

    form: struct.Struct
    heads: tuple[bytes, ...]
    kinds: tuple[int, ...]

    @classmethod
    def of(cls, data: bytes, spans: Sequence[tuple[int, int]], kinds: tuple[int, ...]) -> Self:
        """Give the layout of data whose attributes begin and are as long as `spans` say, with their headers."""
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
        """Give what stands behind the header of a message."""
        start = self.starts[index]
        (length,) = _LENGTH.unpack_from(self.data, start)
        return self.data[start + _HEADER.size : start + length]


class UnsettledError(Exception):
    """Objects changed under each of several readings: what was read is not one state."""


class Channel:
    """A socket to the kernel for one family of netlink, to be closed by `with`; writing is told of."""

    def __init__(self, family: int, told: Answered = lambda _done, _total: None) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._socket.settimeout(_SECONDS)
        for option in _OPTIONS:
            with suppress(OSError):
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._socket.bind((0, 0))
        self._sent = 0
        self._told = told
        self._buffer = memoryview(bytearray(_BUFFER))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def _receive(self) -> bytes:
        """Wait for an answer; it comes into one buffer, as a new one for each would cost a page fault for each page."""
        return bytes(self._buffer[: self._socket.recv_into(self._buffer)])

    def dump(self, kind: int, payload: bytes, most: int | None = None) -> list[bytes]:
        """Give the content of each object that the request asks for, as one state; not many more than `most` of them.

        OSError if the kernel refuses or does not answer, UnsettledError if the objects change all the time.
        """
        for _ in range(_TRIES):
            found = self._dump(kind, payload, most)
            if found is not None:
                return found
        raise UnsettledError

    def _dump(self, kind: int, payload: bytes, most: int | None) -> list[bytes] | None:
        """Dump once; None if the objects changed meanwhile."""
        self._sent += 1
        self._socket.send(_message(Request(kind, _DUMP, payload), self._sent))
        found: list[bytes] = []
        whole = True
        while True:
            for answer, flags, number, content in _messages(self._receive()):
                if number != self._sent:
                    continue
                whole = whole and not flags & _INTERRUPTED
                if answer in (_ERROR, _DONE):
                    _raise(answer, flags, content)
                    return found if whole else None
                found.append(content)
            if most is not None and len(found) > most:
                return found if whole else None

    def pile(self, kind: int, payload: bytes) -> Pile:
        """Dump, and leave the objects where they came: for who looks for a few among very many.

        OSError if the kernel refuses or does not answer, UnsettledError if the objects change all the time.
        """
        for _ in range(_TRIES):
            found = self._pile(kind, payload)
            if found is not None:
                return found
        raise UnsettledError

    def _pile(self, kind: int, payload: bytes) -> Pile | None:
        """Dump once; None if the objects changed meanwhile. Headers alike are compared, any other one is read."""
        self._sent += 1
        self._socket.send(_message(Request(kind, _DUMP, payload), self._sent))
        parts: list[bytes] = []
        starts: list[int] = []
        usual, before, whole = b"", 0, True
        while True:
            part = self._receive()
            at, end = 0, len(part)
            while at < end:
                (length,) = _LENGTH.unpack_from(part, at)
                if part[at + 4 : at + 12] != usual:
                    answer, flags, number = _KIND.unpack_from(part, at + 4)
                    if number != self._sent:
                        at += (length + 3) & ~3
                        continue
                    whole = whole and not flags & _INTERRUPTED
                    if answer in (_ERROR, _DONE):
                        _raise(answer, flags, part[at + _HEADER.size : at + length])
                        return Pile(b"".join([*parts, part[:at]]), starts) if whole else None
                    usual = part[at + 4 : at + 12]
                step = (length + 3) & ~3
                behind = at + step * _alike(part, at, step)
                starts.extend(range(before + at, before + behind, step))
                at = behind
            parts.append(part)
            before += end

    def get(self, kind: int, payload: bytes) -> bytes:
        """Give the content of the one answer to a question; OSError if the kernel refuses or does not answer."""
        self._sent += 1
        self._socket.send(_message(Request(kind, 0, payload), self._sent))
        while True:
            for answer, flags, number, content in _messages(self._receive()):
                if number == self._sent:
                    if answer == _ERROR:
                        _raise(answer, flags, content)
                    return content

    def write(self, requests: Sequence[Request]) -> dict[int, Refusal]:
        """Send requests in order and give those that were refused, by their index.

        Many go in one system call. OSError if the kernel does not answer: nobody knows then what it has done.
        """
        refused: dict[int, Refusal] = {}
        for start in range(0, len(requests), _BATCH):
            self._told(start, len(requests))
            refused |= self._write(requests[start : start + _BATCH], start)
        return refused

    def _write(self, batch: Sequence[Request], start: int) -> dict[int, Refusal]:
        """Send one batch: the last request is always answered, those before it where they are refused."""
        first = self._sent + 1
        self._sent += len(batch)
        *others, last = batch
        data = [_message(request, first + index) for index, request in enumerate(others)]
        data.append(_message(last._replace(flags=last.flags | ACK), self._sent))
        self._socket.send(b"".join(data))
        refused: dict[int, Refusal] = {}
        while True:
            for answer, flags, number, content in _messages(self._receive()):
                if answer == _ERROR and first <= number <= self._sent:
                    refusal = _refusal(flags, content)
                    if refusal is not None:
                        refused[start + number - first] = refusal
                    if number == self._sent:
                        return refused

    def transact(self, requests: Sequence[Request]) -> Refusal | None:
        """Send requests as one transaction; return why it was refused, None once a request with ACK is answered.

        OSError if the kernel does not answer: it is unknown then what it has done.
        """
        first = self._sent + 1
        self._sent += len(requests)
        self._socket.send(b"".join(_message(request, first + index) for index, request in enumerate(requests)))
        while True:
            for answer, flags, number, content in _messages(self._receive()):
                if answer == _ERROR and first <= number <= self._sent:
                    return _refusal(flags, content)


def _alike(data: bytes, at: int, step: int) -> int:
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
    found = {}
    spans: list[tuple[int, int]] = []
    at, end = 0, len(data)
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        found[kind & _TYPE] = data[at + 4 : at + length]
        spans.append((at, length))
        at += max(4, (length + 3) & ~3)
    if layout is None and at == end <= _SMALL and len(found) == len(spans) and all(length >= 4 for _, length in spans):
        _layouts[end] = _Layout.of(data, spans, tuple(found))
    return found


def elements(data: bytes) -> Iterator[bytes]:
    """Give the content of attributes of one kind one behind the other: a list."""
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
    """Give the bytes of an attribute's type: in its highest two bits the kernel may say more (linux/netlink.h)."""
    return [_SHORT.pack(kind | bits) for bits in range(0, 0x10000, _TYPE + 1)]


def text(data: bytes) -> str:
    """Read a string that ends with a NUL byte."""
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _message(request: Request, number: int) -> bytes:
    length = _HEADER.size + len(request.payload)
    header = _HEADER.pack(length, request.kind, _REQUEST | request.flags, number, 0)
    return header + request.payload + b"\0" * (-length % 4)


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Split what the kernel sent into types, flags, the number of the request, and contents."""
    at = 0
    while at < len(data):
        length, kind, flags, number, _ = _HEADER.unpack_from(data, at)
        yield kind, flags, number, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _refusal(flags: int, content: bytes) -> Refusal | None:
    """Read the error that an answer carries, if it carries one (linux/netlink.h, nlmsgerr)."""
    code = -_CODE.unpack_from(content)[0] if len(content) >= _CODE.size else 0
    if not code:
        return None
    behind = _CODE.size + _HEADER.size
    if not flags & _CAPPED and len(content) >= behind:
        (echoed,) = struct.unpack_from("=I", content, _CODE.size)
        behind = _CODE.size + ((echoed + 3) & ~3)
    explained = attributes(content[behind:]) if flags & _EXPLAINED else {}
    return Refusal(code, text(explained.get(_MESSAGE_ATTRIBUTE, b"")))


def _raise(answer: int, flags: int, content: bytes) -> None:
    """Raise the error that ends a dump, if one does; a dump that is done carries no request behind its code."""
    refusal = _refusal(flags if answer == _ERROR else 0, content)
    if refusal is not None:
        raise OSError(refusal.code, str(refusal))
