"""Ask the kernel's netfilter over netlink: dumps of nftables and of connection tracking.

The messages are those of linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from netplan.errors import ObserveError
from netplan.netlink import (
    NETFILTER,
    Attributes,
    Channel,
    Request,
    UnsettledError,
    attribute,
    attributes,
    elements,
    text,
)

__all__ = [
    "CONNTRACK",
    "NFTABLES",
    "Attributes",
    "Message",
    "attribute",
    "attributes",
    "dump",
    "elements",
    "number",
    "request",
    "text",
]

NFTABLES: Final = 10
CONNTRACK: Final = 1

_GENERIC: Final = struct.Struct("!BBH")
_ABSENT: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.ENOENT})


class Message(NamedTuple):
    """One object of a dump: its protocol family, as in NFPROTO_*, and its attributes by their numbers."""

    family: int
    attributes: Attributes


def dump(subsystem: int, message: int, family: int = 0, content: bytes = b"") -> list[Message]:
    """Give all objects of a kind; none where the kernel knows no such thing.

    ObserveError if the kernel refuses, or if the objects changed under each of several readings.
    """
    with _reported() as found, Channel(NETFILTER) as channel:
        found += channel.dump(subsystem << 8 | message, _GENERIC.pack(family, 0, 0) + content)
    return [Message(content[0], attributes(content[4:])) for content in found]


def get(subsystem: int, message: int) -> dict[int, bytes]:
    """Give the attributes of the one answer to a question; none where the kernel knows no such thing."""
    with _reported() as answer, Channel(NETFILTER) as channel:
        answer.append(channel.get(subsystem << 8 | message, _GENERIC.pack(0, 0, 0)))
    return attributes(answer[0][4:]) if answer else {}


@contextmanager
def _reported() -> Iterator[list[bytes]]:
    """Give a list for what the kernel answers: it stays empty where the kernel knows no such thing. ObserveError."""
    found: list[bytes] = []
    try:
        yield found
    except UnsettledError as error:
        raise ObserveError("the packet filter changes faster than it can be read: try again") from error
    except OSError as error:
        if error.errno not in _ABSENT:
            said = error.strerror or error
            raise ObserveError(f"the kernel does not tell what its netfilter holds: {said}") from error


def request(subsystem: int, message: int, family: int, content: bytes) -> None:
    """Ask for one change and wait for the kernel's answer; OSError if it refuses."""
    with Channel(NETFILTER) as channel:
        refused = channel.write([Request(subsystem << 8 | message, 0, _GENERIC.pack(family, 0, 0) + content)])
    for refusal in refused.values():
        raise OSError(refusal.code, str(refusal))


def number(data: bytes, *, signed: bool = False) -> int:
    """Read a number in network byte order."""
    return int.from_bytes(data, "big", signed=signed)
