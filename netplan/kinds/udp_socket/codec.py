"""sock_diag(7): how the sockets of a port are asked for, and what is read of each. Numbers: linux/inet_diag.h."""

from __future__ import annotations

import socket
import struct
from typing import Final, NamedTuple

from netplan.system.netlink.wire import attributes

DUMP: Final = 20
"""SOCK_DIAG_BY_FAMILY."""

FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}

_REQUEST: Final = struct.Struct("=BBxxI2s46x")
"""inet_diag_req_v2: family, protocol, states, source port."""

_MESSAGE: Final = struct.Struct("=Bxxx4x16s44xI")
"""inet_diag_msg: family, source address, inode."""

_ALL_STATES: Final = 0xFFFFFFFF
_ONLY_IPV6: Final = 11
_MAPPED: Final = bytes(10) + b"\xff\xff"
_ANY: Final = bytes(16)


class SocketEntry(NamedTuple):
    """A socket: its inode, and the IP versions whose packets it takes."""

    inode: int
    versions: frozenset[int]


def request(version: int, port: int) -> bytes:
    """Return the content of a request for the UDP sockets of a port, of an IP version's address family."""
    return _REQUEST.pack(FAMILIES[version], socket.IPPROTO_UDP, _ALL_STATES, port.to_bytes(2, "big"))


def decode(message: bytes) -> SocketEntry:
    """Read a socket; one of IPv6 that is bound to no address takes packets of IPv4 too, unless it said otherwise."""
    family, source, inode = _MESSAGE.unpack_from(message)
    only = any(attributes(message[_MESSAGE.size :]).get(_ONLY_IPV6, b""))
    if family == socket.AF_INET or source.startswith(_MAPPED):
        return SocketEntry(inode, frozenset({4}))
    return SocketEntry(inode, frozenset({6} if only or source != _ANY else {4, 6}))
