"""rtnetlink(7): the layouts of its messages, and how they are asked for and sent.

Numbers and structures are those of linux/rtnetlink.h, linux/if_addr.h, linux/neighbour.h, linux/fib_rules.h and
linux/nexthop.h.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Final, NamedTuple

from msgspec import Struct

from netplan.net import Address
from netplan.system.netlink.wire import Attributes, Request, attributes

FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
"""The address family of an IP version."""

_VERSIONS: Final = {4: 4, 16: 6}
_U32: Final = struct.Struct("=I")


class Layout(NamedTuple):
    """A kind of message: the types that make, delete and get its objects, and the structure before its attributes."""

    new: int
    delete: int
    get: int
    header: struct.Struct


LINK: Final = Layout(16, 17, 18, struct.Struct("=BxHiII"))
"""ifinfomsg: family, type, index, flags, change."""

ADDRESS: Final = Layout(20, 21, 22, struct.Struct("=BBBBI"))
"""ifaddrmsg: family, prefix length, flags, scope, index."""

ROUTE: Final = Layout(24, 25, 26, struct.Struct("=BBBBBBBBI"))
"""rtmsg: family, length of the destination and of the source, TOS, table, protocol, scope, type, flags."""

NEIGHBOUR: Final = Layout(28, 29, 30, struct.Struct("=BxxxiHBB"))
"""ndmsg: family, index, state, flags, type."""

RULE: Final = Layout(32, 33, 34, struct.Struct("=BBBBBxxBI"))
"""fib_rule_hdr: family, length of the destination and of the source, TOS, table, action, flags."""

NEXTHOP: Final = Layout(104, 105, 106, struct.Struct("=BBBBI"))
"""nhmsg: family, scope, protocol, reserved, flags."""


class Message(Struct, frozen=True):
    """One object of a dump: the fields of its structure, and its attributes by their numbers."""

    fields: tuple[Any, ...]
    attributes: Attributes


def message_of(layout: Layout, data: bytes) -> Message:
    """Take the content of a message apart."""
    header = layout.header
    return Message(header.unpack_from(data), attributes(data[header.size :]))


def making(layout: Layout, flags: int, fields: tuple[int, ...], content: bytes) -> Request:
    """Return the request that makes an object, or changes it."""
    return Request(layout.new, flags, layout.header.pack(*fields) + content)


def deleting(layout: Layout, fields: tuple[int, ...], content: bytes) -> Request:
    """Return the request that deletes an object."""
    return Request(layout.delete, 0, layout.header.pack(*fields) + content)


def u32(data: bytes) -> int:
    """Read a number in the byte order of this machine."""
    value: int = _U32.unpack_from(data)[0]
    return value


def address(data: bytes) -> Address:
    """Read an address of four or sixteen bytes."""
    return Address(_VERSIONS[len(data)], int.from_bytes(data, "big"))
