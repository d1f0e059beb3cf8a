"""netlink(7): attributes, dumps that are whole, and many requests in one system call.

The messages are decoded here and not by pyroute2, whose decoders take a hundred microseconds for what takes five: a
node may have 65,536 routes, or a quarter of a million connections.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, TypeAlias

from netplan.system.netlink.wire import (
    ACK,
    DONE,
    ERROR,
    HEADER,
    KIND,
    LENGTH,
    Pile,
    Refusal,
    Request,
    UnsettledError,
    decode,
    encode,
    raise_refusal,
    refusal_of,
    run_length,
)

Answered: TypeAlias = Callable[[int, int], None]
"""Hears how many of how many requests have been answered."""

_DUMP: Final = 0x300
_INTERRUPTED: Final = 0x10

_SOL_NETLINK: Final = 270
_OPTIONS: Final = (10, 11, 12)
"""NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK: short answers that say why, and dumps that are filtered."""

_SECONDS: Final = 30.0
_TRIES: Final = 5
_BUFFER: Final = 1 << 18
_BATCH: Final = 128
"""Requests in one system call: even if each of them is refused, the answers fit into a receive buffer."""


class Channel:
    """A socket to the kernel for one family of netlink, to be closed by `with`; writing is told of."""

    def __init__(self, family: int, answered: Answered = lambda _done, _total: None) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._socket.settimeout(_SECONDS)
        for option in _OPTIONS:
            with suppress(OSError):
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._socket.bind((0, 0))
        self._sent = 0
        self._answered = answered
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
        """Return the content of each object that the request asks for, as one state; not many more than `most` of them.

        OSError if the kernel refuses or does not answer, UnsettledError if the objects change all the time.
        """
        for _ in range(_TRIES):
            objects = self._dump(kind, payload, most)
            if objects is not None:
                return objects
        raise UnsettledError

    def _dump(self, kind: int, payload: bytes, most: int | None) -> list[bytes] | None:
        """Dump once; None if the objects changed meanwhile."""
        self._sent += 1
        self._socket.send(encode(Request(kind, _DUMP, payload), self._sent))
        objects: list[bytes] = []
        whole = True
        while True:
            for answer, flags, number, content in decode(self._receive()):
                if number != self._sent:
                    continue
                whole = whole and not flags & _INTERRUPTED
                if answer in (ERROR, DONE):
                    raise_refusal(answer, flags, content)
                    return objects if whole else None
                objects.append(content)
            if most is not None and len(objects) > most:
                return objects if whole else None

    def pile(self, kind: int, payload: bytes) -> Pile:
        """Dump, and leave the objects where they came: for who looks for a few among very many.

        OSError if the kernel refuses or does not answer, UnsettledError if the objects change all the time.
        """
        for _ in range(_TRIES):
            pile = self._pile(kind, payload)
            if pile is not None:
                return pile
        raise UnsettledError

    def _pile(self, kind: int, payload: bytes) -> Pile | None:
        """Dump once; None if the objects changed meanwhile. Headers alike are compared, any other one is read."""
        self._sent += 1
        self._socket.send(encode(Request(kind, _DUMP, payload), self._sent))
        parts: list[bytes] = []
        starts: list[int] = []
        usual, before, whole = b"", 0, True
        while True:
            part = self._receive()
            at, end = 0, len(part)
            while at < end:
                (length,) = LENGTH.unpack_from(part, at)
                if part[at + 4 : at + 12] != usual:
                    answer, flags, number = KIND.unpack_from(part, at + 4)
                    if number != self._sent:
                        at += (length + 3) & ~3
                        continue
                    whole = whole and not flags & _INTERRUPTED
                    if answer in (ERROR, DONE):
                        raise_refusal(answer, flags, part[at + HEADER.size : at + length])
                        return Pile(b"".join([*parts, part[:at]]), starts) if whole else None
                    usual = part[at + 4 : at + 12]
                step = (length + 3) & ~3
                behind = at + step * run_length(part, at, step)
                starts.extend(range(before + at, before + behind, step))
                at = behind
            parts.append(part)
            before += end

    def get(self, kind: int, payload: bytes) -> bytes:
        """Return the content of the one answer to a question; OSError if the kernel refuses or does not answer."""
        self._sent += 1
        self._socket.send(encode(Request(kind, 0, payload), self._sent))
        while True:
            for answer, flags, number, content in decode(self._receive()):
                if number == self._sent:
                    if answer == ERROR:
                        raise_refusal(answer, flags, content)
                    return content

    def write(self, requests: Sequence[Request]) -> dict[int, Refusal]:
        """Send requests in order and give those that were refused, by their index.

        Many go in one system call. OSError if the kernel does not answer: what it has done is then unknown.
        """
        refused: dict[int, Refusal] = {}
        for start in range(0, len(requests), _BATCH):
            self._answered(start, len(requests))
            refused |= self._write(requests[start : start + _BATCH], start)
        return refused

    def _write(self, batch: Sequence[Request], start: int) -> dict[int, Refusal]:
        """Send one batch: the last request is always answered, those before it where they are refused."""
        first = self._sent + 1
        self._sent += len(batch)
        *others, last = batch
        data = [encode(request, first + index) for index, request in enumerate(others)]
        data.append(encode(last._replace(flags=last.flags | ACK), self._sent))
        self._socket.send(b"".join(data))
        refused: dict[int, Refusal] = {}
        while True:
            for answer, flags, number, content in decode(self._receive()):
                if answer == ERROR and first <= number <= self._sent:
                    refusal = refusal_of(flags, content)
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
        self._socket.send(b"".join(encode(request, first + index) for index, request in enumerate(requests)))
        while True:
            for answer, flags, number, content in decode(self._receive()):
                if answer == ERROR and first <= number <= self._sent:
                    return refusal_of(flags, content)
