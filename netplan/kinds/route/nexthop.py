"""Next-hop objects (ip-nexthop(8)): ways that many routes name by a number, so that the kernel finds them by it.

In the kernel the cost of IPv4 routes by distinct gateways on one device grows with the square of their number, since
all of them fall into one slot of a hash table; next-hop objects fall into slots of their own. Which routes use one is
a detail of writing: a route is read and planned by its gateway and device.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Final, NamedTuple

from msgspec import Struct

from netplan.kinds.route.value import PROTOCOL, Route
from netplan.net import Address, IfName
from netplan.system.netlink.route import FAMILIES, NEXTHOP, Message, address, deleting, making, u32
from netplan.system.netlink.wire import CREATE, EXCLUSIVE, Request, attribute, number_attribute

# NHA_*, linux/nexthop.h
_ID: Final = 1
_GROUP: Final = 2
_OIF: Final = 5
_GATEWAY: Final = 6

_MEMBER: Final = struct.Struct("=IBBxx")
"""nexthop_grp: number of an object, and its weight less one, as two bytes of which kernels before 6.12 leave one 0."""

_ONLINK: Final = 0x4
_FIRST: Final = PROTOCOL << 24

ALL: Final = (0, 0, 0, 0, 0)
"""The fields of the message that asks for every next-hop object."""


class Way(NamedTuple):
    """Where an IPv4 route leads: the index of a device, and a gateway that is taken to be on-link or is so."""

    oif: int
    gateway: Address
    onlink: bool


class NextHop(Struct, frozen=True):
    """A next-hop object: its number, who made it, and its way; or a group of `members`, numbers with weights."""

    number: int
    protocol: int
    oif: int
    gateway: Address | None
    onlink: bool
    members: tuple[tuple[int, int], ...] = ()

    @property
    def ours(self) -> bool:
        """Whether podnet made it."""
        return self.protocol == PROTOCOL

    @property
    def way(self) -> Way | None:
        """The way, if a route by a gateway has it."""
        return None if self.gateway is None else Way(self.oif, self.gateway, self.onlink)


def decode(message: Message) -> NextHop:
    """Read a next-hop object."""
    _, _, protocol, _, flags = message.fields
    found = message.attributes
    gateway = address(found[_GATEWAY]) if _GATEWAY in found else None
    oif = u32(found[_OIF]) if _OIF in found else 0
    members = ((number, low + (high << 8) + 1) for number, low, high in _MEMBER.iter_unpack(found.get(_GROUP, b"")))
    return NextHop(u32(found[_ID]), protocol, oif, gateway, bool(flags & _ONLINK), tuple(members))


def made(number: int, way: Way) -> Request:
    """Give the request that makes an object of ours."""
    content = number_attribute(_ID, number) + number_attribute(_OIF, way.oif)
    content += attribute(_GATEWAY, way.gateway.packed)
    fields = (FAMILIES[way.gateway.version], 0, PROTOCOL, 0, _ONLINK if way.onlink else 0)
    return making(NEXTHOP, CREATE | EXCLUSIVE, fields, content)


def gone(number: int) -> Request:
    """Give the request that deletes an object."""
    return deleting(NEXTHOP, ALL, number_attribute(_ID, number))


def way_of(route: Route, indexes: Mapping[IfName, int]) -> Way | None:
    """Give the way of a route if an object may take its place: one IPv4 gateway on one device."""
    plain = route.type == "unicast" and not route.hops and route.prefsrc is None and route.prefix.version == 4
    if not plain or route.oif is None or route.next_hop is None or route.next_hop.version != 4:
        return None
    return Way(indexes[route.oif], route.next_hop, route.onlink)


def missing(ways: Iterable[Way], there: Mapping[int, NextHop], many: int) -> Iterator[tuple[int, Way]]:
    """Give the objects to be made, with numbers that are free: for devices with `many` ways that have none."""
    known = {each.way for each in there.values() if each.ours}
    without = [way for way in dict.fromkeys(ways) if way not in known]
    crowded = {oif for oif, found in Counter(way.oif for way in without).items() if found >= many}
    free = (number for number in count(_FIRST) if number not in there)
    return zip(free, (way for way in without if way.oif in crowded), strict=False)


def unused(there: Mapping[int, NextHop], used: Iterable[int]) -> list[int]:
    """Give the numbers of our objects that no route uses, and no group."""
    needed = {*used, *(member for each in there.values() for member, _ in each.members)}
    return [number for number, each in there.items() if each.ours and number not in needed]
