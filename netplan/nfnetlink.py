"""Ask the kernel's netfilter over netlink: dumps of nftables and of connection tracking.

The messages are those of linux/netfilter/nfnetlink.h. They are decoded here and not by pyroute2, whose decoders take a
hundred microseconds for what takes five: a node may have a quarter of a million connections, or as many rules.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from netplan.errors import ObserveError

NFTABLES: Final = 10
CONNTRACK: Final = 1

Attributes: TypeAlias = Mapping[int, bytes]

_NETLINK_NETFILTER: Final = 12
_ERROR: Final = 2
_DONE: Final = 3
_REQUEST: Final = 0x1
_ACK: Final = 0x4
_DUMP: Final = 0x300
_INTERRUPTED: Final = 0x10
_NESTED: Final = 0x8000
_TYPE: Final = 0x3FFF
_HEADER: Final = struct.Struct("=IHHII")
_GENERIC: Final = struct.Struct("!BBH")
_ATTRIBUTE: Final = struct.Struct("=HH")
_CODE: Final = struct.Struct("=i")
_SECONDS: Final = 30.0
_TRIES: Final = 5
_BUFFER: Final = 1 << 18
_ABSENT: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.ENOENT})


class Message(NamedTuple):
    """One object of a dump: its protocol family, as in NFPROTO_*, and its attributes by their numbers."""

    family: int
    attributes: Attributes


def dump(
    subsystem: int, message: int, family: int = 0, attributes: bytes = b"", *, most: int | None = None
) -> list[Message]:
    """Give all objects of a kind, or the first of them, not many more than `most`; none where there is no such thing.

    ObserveError if the kernel refuses, or if the objects changed under each of several readings.
    """
    for _ in range(_TRIES):
        found = _dump(subsystem << 8 | message, _GENERIC.pack(family, 0, 0) + attributes, most)
        if found is not None:
            return found
    raise ObserveError("the packet filter changes faster than it can be read: try again")


def request(subsystem: int, message: int, family: int, attributes: bytes) -> None:
    """Ask for one change and wait for the kernel's answer; OSError if it refuses."""
    with _open() as channel:
        channel.send(_message(subsystem << 8 | message, _ACK, _GENERIC.pack(family, 0, 0) + attributes))
        for kind, _, payload in _messages(channel.recv(_BUFFER)):
            if kind == _ERROR:
                _raise(payload)


def attributes(data: bytes) -> dict[int, bytes]:
    """Read attributes one behind the other (netlink(7)), those within an attribute too."""
    found = {}
    at, end = 0, len(data)
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        found[kind & _TYPE] = data[at + 4 : at + length]
        at += max(4, (length + 3) & ~3)
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
    head = _ATTRIBUTE.pack(len(data) + 4, kind | _NESTED if nested else kind)
    return head + data + b"\0" * (-len(data) % 4)


def text(data: bytes) -> str:
    """Read a string that ends with a NUL byte."""
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")


def number(data: bytes, *, signed: bool = False) -> int:
    """Read a number in network byte order."""
    return int.from_bytes(data, "big", signed=signed)


def _dump(kind: int, payload: bytes, most: int | None) -> list[Message] | None:
    """Dump once; None if the objects changed meanwhile."""
    found: list[Message] = []
    whole = True
    try:
        with _open() as channel:
            channel.send(_message(kind, _DUMP, payload))
            while True:
                for answer, flags, content in _messages(channel.recv(_BUFFER)):
                    whole = whole and not flags & _INTERRUPTED
                    if answer in (_ERROR, _DONE):
                        _raise(content)
                        return found if whole else None
                    found.append(Message(content[0], attributes(content[4:])))
                if most is not None and len(found) > most:
                    return found if whole else None
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        raise ObserveError(f"the kernel does not tell what its netfilter holds: {error.strerror or error}") from error


def _open() -> socket.socket:
    channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    channel.settimeout(_SECONDS)
    channel.bind((0, 0))
    return channel


def _message(kind: int, flags: int, payload: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(payload), kind, _REQUEST | flags, 1, 0) + payload


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Split what the kernel sent into types, flags and payloads."""
    at = 0
    while at < len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, at)
        yield kind, flags, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _raise(payload: bytes) -> None:
    """Raise the error that an answer carries, if it carries one."""
    code = -_CODE.unpack_from(payload)[0] if len(payload) >= _CODE.size else 0
    if code:
        raise OSError(code, os.strerror(code))
