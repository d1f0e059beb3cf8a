"""Tracked connections in the kernel, through ctnetlink (linux/netfilter/nfnetlink_conntrack.h)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import Final

from netplan.errors import KernelError
from netplan.kinds.connection.value import Connection
from netplan.net import Address
from netplan.system.netlink import netfilter
from netplan.system.netlink.netfilter import CONNTRACK, number
from netplan.system.netlink.route import FAMILIES
from netplan.system.netlink.wire import Attributes, attribute, attributes

_GET, _DELETE = 1, 2
_ORIGINAL, _REPLY, _STATUS, _ID, _ZONE, _STATUS_MASK = 1, 2, 3, 12, 18, 26
_SOURCE_NAT: Final = (1 << 4).to_bytes(4, "big")
_DESTINATION_NAT: Final = (1 << 5).to_bytes(4, "big")
_IP: Final = 1
_ENDS: Final = {4: (1, 2), 6: (3, 4)}
"""The attributes of source and destination by IP version."""

Wanted = Callable[[Connection], bool]


def observe(wanted: Wanted, version: int = 4) -> Iterator[Connection]:
    """Read those connections of an IP version whose source was rewritten that are wanted.

    ObserveError if the kernel won't tell. A kernel that knows no filter by status gives all, which only takes longer.
    """
    rewritten = attribute(_STATUS, _SOURCE_NAT) + attribute(_STATUS_MASK, _SOURCE_NAT)
    for message in netfilter.dump(CONNTRACK, _GET, FAMILIES[version], rewritten):
        connection = _connection(message.attributes)
        if connection is not None and wanted(connection):
            yield connection


def translated(version: int) -> int:
    """Count the connections of an IP version whose source or destination is rewritten; ObserveError."""
    identities = set()
    for status in (_SOURCE_NAT, _DESTINATION_NAT):
        wanted = attribute(_STATUS, status) + attribute(_STATUS_MASK, status)
        for message in netfilter.dump(CONNTRACK, _GET, FAMILIES[version], wanted):
            if number(message.attributes.get(_STATUS, b"")) & number(status):
                identities.add((message.attributes.get(_ORIGINAL), message.attributes.get(_ZONE)))
    return len(identities)


def delete(connection: Connection) -> bool:
    """Forget one connection, and no other that has taken its place; False if it has ended already."""
    try:
        netfilter.request(CONNTRACK, _DELETE, FAMILIES[connection.source.version], connection.identity)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        raise KernelError(f"connection {connection} can't be deleted: {error.strerror or error}") from error
    return True


def _connection(entry: Attributes) -> Connection | None:
    """Read one; None without both directions (one that is coming into being)."""
    if _ORIGINAL not in entry or _REPLY not in entry:
        return None
    source, destination = _addresses(entry[_ORIGINAL])
    answered_by, answered_to = _addresses(entry[_REPLY])
    identity = attribute(_ORIGINAL, entry[_ORIGINAL], nested=True)
    identity += b"".join(attribute(kind, entry[kind]) for kind in (_ID, _ZONE) if kind in entry)
    return Connection(source, destination, answered_to, answered_by, identity)


def _addresses(direction: bytes) -> tuple[Address, Address]:
    data = attributes(attributes(direction)[_IP])
    version = next(version for version, ends in _ENDS.items() if ends[0] in data)
    source, destination = (Address(version, number(data[end])) for end in _ENDS[version])
    return source, destination
