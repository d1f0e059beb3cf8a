"""Ask the kernel's netfilter over netlink: dumps of nftables and of connection tracking.

The messages are those of linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import errno
import re
import struct
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from netplan.errors import ObserveError, UnsteadyError
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.wire import (
    ACK,
    NETFILTER,
    Attributes,
    Pile,
    Request,
    UnsettledError,
    attribute,
    attributes,
    spellings,
)

NFTABLES: Final = 10
CONNTRACK: Final = 1

_BEGIN: Final = 0x10
_END: Final = 0x11
_GENERATION: Final = 1
_GENERIC: Final = struct.Struct("!BBH")
_ABSENT: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.ENOENT})


class Message(Struct, frozen=True):
    """One object of a dump: its protocol family, as in NFPROTO_*, and its attributes by their numbers."""

    family: int
    attributes: Attributes


def dump(
    subsystem: int, message: int, family: int = 0, content: bytes = b"", *, most: int | None = None
) -> list[Message]:
    """Return all objects of a kind, or the first of them, not many more than `most`; none where there is no such thing.

    ObserveError if the kernel refuses, or if the objects changed under each of several readings.
    """
    answer: list[bytes] = []
    with _reported(), Channel(NETFILTER) as channel:
        answer = channel.dump(subsystem << 8 | message, _GENERIC.pack(family, 0, 0) + content, most)
    return [*map(_decoded, answer)]


def _decoded(content: bytes) -> Message:
    return Message(content[0], attributes(content[4:]))


class Listing:
    """The objects of a dump, each decoded when it is looked for: kube-proxy makes forty thousand chains."""

    def __init__(self, pile: Pile) -> None:
        self._pile = pile

    def __len__(self) -> int:
        return len(self._pile.starts)

    def holding(self, kind: int, start: bytes = b"") -> Iterator[Message]:
        """Return the objects with an attribute whose content starts so, in order.

        They are found by their bytes, which may stand elsewhere by chance: each is decoded before it is given.
        """
        data, starts = self._pile
        pattern = re.compile(re.escape(start) or b"|".join(map(re.escape, spellings(kind))))
        at = starts[0] if starts else len(data)
        while match := pattern.search(data, at):
            index = bisect_right(starts, match.start()) - 1
            message = _decoded(self._pile.content(index))
            at = match.start() + 1
            if kind in message.attributes and message.attributes[kind].startswith(start):
                yield message
                at = starts[index + 1] if index + 1 < len(starts) else len(data)


def listing(subsystem: int, message: int, family: int) -> Listing:
    """Return all objects of a kind and family as `dump` does, for who looks for a few of them."""
    pile = Pile(b"", ())
    with _reported(), Channel(NETFILTER) as channel:
        pile = channel.pile(subsystem << 8 | message, _GENERIC.pack(family, 0, 0))
    return Listing(pile)


def get(subsystem: int, message: int, family: int = 0, content: bytes = b"") -> dict[int, bytes]:
    """Return the attributes of the one answer to a question; none where the kernel knows no such thing."""
    answer = b""
    with _reported(), Channel(NETFILTER) as channel:
        answer = channel.get(subsystem << 8 | message, _GENERIC.pack(family, 0, 0) + content)
    return attributes(answer[4:])


@contextmanager
def _reported() -> Iterator[None]:
    """Turn what the kernel refuses into ObserveError, but for that it knows no such thing."""
    try:
        yield
    except UnsettledError as error:
        raise UnsteadyError("the packet filter changes faster than it can be read: try again") from error
    except OSError as error:
        if error.errno not in _ABSENT:
            reason = error.strerror or error
            raise ObserveError(f"the kernel does not tell what its netfilter holds: {reason}") from error


def request(subsystem: int, message: int, family: int, content: bytes) -> None:
    """Ask for one change and wait for the kernel's answer; OSError if it refuses."""
    with Channel(NETFILTER) as channel:
        refused = channel.write([Request(subsystem << 8 | message, 0, _GENERIC.pack(family, 0, 0) + content)])
    for refusal in refused.values():
        raise OSError(refusal.code, str(refusal))


def transact(subsystem: int, generation: bytes, message: int, family: int, content: bytes) -> bool:
    """Make one change in a transaction, if all is as it was at a generation; False if it is not, and nothing is done.

    `generation` is as the kernel told it. OSError if it refuses.
    """
    change = Request(subsystem << 8 | message, ACK, _GENERIC.pack(family, 0, 0) + content)
    begin = Request(_BEGIN, 0, _GENERIC.pack(0, 0, subsystem) + attribute(_GENERATION, generation))
    with Channel(NETFILTER) as channel:
        refusal = channel.transact([begin, change, Request(_END, 0, _GENERIC.pack(0, 0, subsystem))])
    if refusal is not None and refusal.code != errno.ERESTART:
        raise OSError(refusal.code, str(refusal))
    return refusal is None


def number(data: bytes, *, signed: bool = False) -> int:
    """Read a number in network byte order."""
    return int.from_bytes(data, "big", signed=signed)
