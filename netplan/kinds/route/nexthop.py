"""Next-hop objects (ip-nexthop(8)): next hops that many routes name by a number, so that the kernel finds them by it.

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


class NextHop(NamedTuple):
    """Where an IPv4 route leads: the index of a device, and a gateway that is taken to be on-link or is so."""

    oif: int
    gateway: Address
    onlink: bool


class NextHopObject(Struct, frozen=True):
    """A next-hop object: its number, its creator's protocol, and its next hop; or a group: `members` with weights."""

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
    def next_hop(self) -> NextHop | None:
        """The next hop, if it has a gateway."""
        return None if self.gateway is None else NextHop(self.oif, self.gateway, self.onlink)


def decode(message: Message) -> NextHopObject:
    """Read a next-hop object."""
    _, _, protocol, _, flags = message.fields
    data = message.attributes
    gateway = address(data[_GATEWAY]) if _GATEWAY in data else None
    oif = u32(data[_OIF]) if _OIF in data else 0
    members = ((number, low + (high << 8) + 1) for number, low, high in _MEMBER.iter_unpack(data.get(_GROUP, b"")))
    return NextHopObject(u32(data[_ID]), protocol, oif, gateway, bool(flags & _ONLINK), tuple(members))


def encode_new(number: int, next_hop: NextHop) -> Request:
    """Return the request that makes an object of ours."""
    content = number_attribute(_ID, number) + number_attribute(_OIF, next_hop.oif)
    content += attribute(_GATEWAY, next_hop.gateway.packed)
    fields = (FAMILIES[next_hop.gateway.version], 0, PROTOCOL, 0, _ONLINK if next_hop.onlink else 0)
    return making(NEXTHOP, CREATE | EXCLUSIVE, fields, content)


def encode_delete(number: int) -> Request:
    """Return the request that deletes an object."""
    return deleting(NEXTHOP, ALL, number_attribute(_ID, number))


def next_hop_of(route: Route, indexes: Mapping[IfName, int]) -> NextHop | None:
    """Return the next hop of a route if an object may take its place: one IPv4 gateway on one device."""
    plain = route.type == "unicast" and not route.hops and route.prefsrc is None and route.prefix.version == 4
    if not plain or route.oif is None or route.next_hop is None or route.next_hop.version != 4:
        return None
    return NextHop(indexes[route.oif], route.next_hop, route.onlink)


def missing(
    next_hops: Iterable[NextHop], there: Mapping[int, NextHopObject], many: int
) -> Iterator[tuple[int, NextHop]]:
    """Return the objects to be made, with free numbers: for devices with `many` next hops that have none."""
    known = {obj.next_hop for obj in there.values() if obj.ours}
    without = [next_hop for next_hop in dict.fromkeys(next_hops) if next_hop not in known]
    crowded = {oif for oif, amount in Counter(next_hop.oif for next_hop in without).items() if amount >= many}
    free = (number for number in count(_FIRST) if number not in there)
    return zip(free, (next_hop for next_hop in without if next_hop.oif in crowded), strict=False)


def unused(there: Mapping[int, NextHopObject], used: Iterable[int]) -> list[int]:
    """Return the numbers of our objects that no route uses, and no group."""
    needed = {*used, *(member for obj in there.values() for member, _ in obj.members)}
    return [number for number, obj in there.items() if obj.ours and number not in needed]
