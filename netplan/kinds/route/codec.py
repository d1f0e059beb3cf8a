"""Routes as messages of rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from struct import Struct
from typing import Final

from netplan.kinds.link.value import Link
from netplan.kinds.route.nexthop import NextHopObject
from netplan.kinds.route.value import PROTOCOL, Hop, Route
from netplan.net import Address, IfName, Prefix
from netplan.system.netlink.route import FAMILIES, ROUTE, Message, address, deleting, making, u32
from netplan.system.netlink.wire import CREATE, Attributes, Request, attribute, attributes, number_attribute

# RTA_*, linux/rtnetlink.h
_DST: Final = 1
_OIF: Final = 4
_GATEWAY: Final = 5
_PRIORITY: Final = 6
_PREFSRC: Final = 7
_MULTIPATH: Final = 9
_TABLE: Final = 15
_VIA: Final = 18
_NH_ID: Final = 30

_TYPES: Final = (
    *("unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit"),
    *("throw", "nat", "xresolve"),
)
_NUMBERS: Final = {name: number for number, name in enumerate(_TYPES)}
_SCOPES: Final = {"universe": 0, "link": 253, "host": 254, "nowhere": 255}
_VERSIONS: Final = {family: version for version, family in FAMILIES.items()}

_ONLINK: Final = 0x4
_OUT_OF_USE: Final = 0x1 | 0x10
"""RTNH_F_DEAD and RTNH_F_LINKDOWN: the device has no carrier, and its ignore_routes_with_linkdown is set."""
_COMPATIBLE: Final = 252
"""What stands for tables with numbers beyond a byte."""

_HOP: Final = Struct("=HBBi")
"""rtnexthop: length, flags, weight less one, index of the device."""

_LOOPBACK: Final = "lo"
_NOWHERE: Final = frozenset({"blackhole", "unreachable", "prohibit", "throw"})

_FAMILY: Final = Struct("=H")
"""What the address of RTA_VIA begins with."""


def dump_request(version: int) -> tuple[int, ...]:
    """Return the fields of the message that asks for the routes of an IP version in all tables."""
    return (FAMILIES[version], 0, 0, 0, 0, 0, 0, 0, 0)


def is_of(message: Message, tables: Collection[int]) -> bool:
    """Whether a route is in one of some tables, or ours."""
    return _table(message) in tables or message.fields[5] == PROTOCOL


def prefix_and_device(message: Message) -> tuple[Prefix, int]:
    """Return the prefix of a route and the index of its device, 0 if it has none or several."""
    data = message.attributes.get(_OIF)
    return _prefix(message), 0 if data is None else u32(data)


def _prefix(message: Message) -> Prefix:
    value = int.from_bytes(message.attributes.get(_DST, b""), "big")
    return Prefix(_VERSIONS[message.fields[0]], value, message.fields[1])


def out_of_use(message: Message) -> tuple[int, ...]:
    """Return the indexes of devices without carrier by which no packet leaves, of those that a route leads to."""
    data = message.attributes
    if _MULTIPATH in data:
        return tuple(index for index, flags in _hop_flags(data[_MULTIPATH]) if flags & _OUT_OF_USE == _OUT_OF_USE)
    return (u32(data[_OIF]),) if _OIF in data and message.fields[8] & _OUT_OF_USE == _OUT_OF_USE else ()


def _hop_flags(data: bytes) -> Iterator[tuple[int, int]]:
    """Return the index of the device of each hop, and its flags."""
    at = 0
    while at + _HOP.size <= len(data):
        length, flags, _, index = _HOP.unpack_from(data, at)
        yield index, flags
        at += max(_HOP.size, (length + 3) & ~3)


def uses(message: Message) -> int | None:
    """Return the number of the next-hop object that a route uses, if it uses one."""
    data = message.attributes.get(_NH_ID)
    return None if data is None else u32(data)


def refers(message: Message) -> bool:
    """Whether the message of a route names its next hop by an object alone, as if sysctl nexthop_compat_mode is off."""
    data = message.attributes
    return _NH_ID in data and _OIF not in data and _MULTIPATH not in data


def decode(message: Message, links: Mapping[int, Link], objects: Mapping[int, NextHopObject]) -> Route:
    """Read a route; `links` gives the devices by their indexes, `objects` what it may refer to by their numbers."""
    _, _, _, tos, _, protocol, _, type_, flags = message.fields
    data = message.attributes
    oif, gateway, hops, onlink = _ways(data, links), _gateway(data), _hops(data, links), flags & _ONLINK
    if objects and refers(message):
        oif, gateway, hops, onlink = _resolved(objects, u32(data[_NH_ID]), links)
    named = _TYPES[type_] if type_ < len(_TYPES) else str(type_)
    if named in _NOWHERE and oif == _LOOPBACK:
        oif = None  # what the kernel says of those of IPv6
    return Route(
        prefix=_prefix(message),
        oif=oif,
        next_hop=gateway,
        table=_table(message),
        metric=u32(data[_PRIORITY]) if _PRIORITY in data else 0,
        protocol=protocol,
        type=named,
        prefsrc=address(data[_PREFSRC]) if _PREFSRC in data else None,
        hops=hops,
        tos=tos,
        onlink=bool(onlink),
    )


def _table(message: Message) -> int:
    data = message.attributes.get(_TABLE)
    table: int = message.fields[4] if data is None else u32(data)
    return table


def _ways(data: Attributes, links: Mapping[int, Link]) -> IfName | None:
    return _device(u32(data[_OIF]), links) if _OIF in data else None


def _device(index: int, links: Mapping[int, Link]) -> IfName | None:
    return links[index].name if index in links else None


def _gateway(data: Attributes) -> Address | None:
    """Return the gateway; that of an IPv4 route may have an IPv6 address (RTA_VIA)."""
    if _GATEWAY in data:
        return address(data[_GATEWAY])
    return address(data[_VIA][_FAMILY.size :]) if _VIA in data else None


def _hops(data: Attributes, links: Mapping[int, Link]) -> tuple[Hop, ...]:
    return tuple(_listed_hops(data[_MULTIPATH], links)) if _MULTIPATH in data else ()


def _listed_hops(data: bytes, links: Mapping[int, Link]) -> Iterator[Hop]:
    at = 0
    while at + _HOP.size <= len(data):
        length, flags, weight, index = _HOP.unpack_from(data, at)
        gateway = _gateway(attributes(data[at + _HOP.size : at + length]))
        yield Hop(_device(index, links), gateway, weight + 1, bool(flags & _ONLINK))
        at += max(_HOP.size, (length + 3) & ~3)


def _resolved(
    objects: Mapping[int, NextHopObject], number: int, links: Mapping[int, Link]
) -> tuple[IfName | None, Address | None, tuple[Hop, ...], bool]:
    """Return device, gateway and hops of a next-hop object, and whether it is on-link; a deleted one has none."""
    target = objects.get(number)
    if target is None:
        return None, None, (), False
    hops = [(objects[member], weight) for member, weight in target.members if member in objects]
    listed = tuple(Hop(_device(hop.oif, links), hop.gateway, weight, hop.onlink) for hop, weight in hops)
    return _device(target.oif, links), target.gateway, listed, target.onlink


def encode_new(route: Route, indexes: Mapping[IfName, int], number: int | None, how: int) -> Request:
    """Return the request that makes a route, by a next-hop object if it has the number of one.

    `how` is what becomes of others of its key: EXCLUSIVE, REPLACE, APPEND, or 0 to come before them. A replace is one
    message, so that no packet of an unchanged flow finds the route missing.
    """
    return making(ROUTE, CREATE | how, _fields(route, _scope(route), number), _attributes(route, indexes, number))


def encode_delete(route: Route, indexes: Mapping[IfName, int], number: int | None) -> Request:
    """Return the request that deletes a route; one by a next-hop object only by its number.

    The kernel deletes the first that fits, and what is not named fits all: by its scope a route to a device is told
    from one by a gateway behind it, and by its device one of IPv6 that leads nowhere from all others.
    """
    content = _attributes(route, indexes, number)
    if route.prefix.version == 6 and route.type in _NOWHERE and route.oif is None:
        content += number_attribute(_OIF, indexes[IfName(_LOOPBACK)])
    scope = "link" if _scope(route) == "link" else "nowhere"
    return deleting(ROUTE, _fields(route, scope, number), content)


def _fields(route: Route, scope: str, number: int | None) -> tuple[int, ...]:
    table = route.table if route.table < _COMPATIBLE + 4 else _COMPATIBLE
    flags = _ONLINK if route.onlink and number is None else 0
    type_ = _NUMBERS[route.type] if route.type in _NUMBERS else int(route.type)
    prefix = route.prefix
    return (FAMILIES[prefix.version], prefix.length, 0, route.tos, table, route.protocol, _SCOPES[scope], type_, flags)


def _attributes(route: Route, indexes: Mapping[IfName, int], number: int | None) -> bytes:
    content = attribute(_DST, route.prefix.address.packed) + number_attribute(_TABLE, route.table)
    if route.metric:
        content += number_attribute(_PRIORITY, route.metric)
    if route.prefsrc is not None:
        content += attribute(_PREFSRC, route.prefsrc.packed)
    if number is not None:
        return content + number_attribute(_NH_ID, number)
    version = route.prefix.version
    if route.hops:
        return content + attribute(_MULTIPATH, b"".join(_hop(hop, version, indexes) for hop in route.hops))
    content += _towards(version, route.next_hop)
    return content if route.oif is None else content + number_attribute(_OIF, indexes[route.oif])


def _hop(hop: Hop, version: int, indexes: Mapping[IfName, int]) -> bytes:
    content = _towards(version, hop.next_hop)
    index = 0 if hop.oif is None else indexes[hop.oif]
    flags = _ONLINK if hop.onlink else 0
    return _HOP.pack(_HOP.size + len(content), flags, hop.weight - 1, index) + content


def _towards(version: int, gateway: Address | None) -> bytes:
    if gateway is None:
        return b""
    if gateway.version == version:
        return attribute(_GATEWAY, gateway.packed)
    return attribute(_VIA, _FAMILY.pack(FAMILIES[gateway.version]) + gateway.packed)


def _scope(route: Route) -> str:
    """Choose the scope as ip-route(8) does."""
    if route.type == "unicast" and route.next_hop is None and all(hop.next_hop is None for hop in route.hops):
        return "link"
    return "host" if route.type == "local" else "universe"
