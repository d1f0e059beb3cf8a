"""Routes in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl import rt_scope, rt_type

from netplan.kinds.link.value import Link
from netplan.kinds.route.value import PROTOCOL, Hop, Route
from netplan.net import Address, IfName, Prefix
from netplan.resource import Change, refused

_TYPES: Final[Mapping[int, str]] = {number: name for name, number in rt_type.items()}
_SCOPES: Final[Mapping[str, int]] = rt_scope

_RTNH_F_ONLINK: Final = 0x4

_ANY: Final = str(Prefix(4, 0, 0).address)

_MEANING: Final = {
    errno.EEXIST: "a route of this prefix, TOS, metric and table exists that is not ours",
    errno.EINVAL: "the kernel finds it contradictory; does the next hop lie on-link?",
    errno.ENETDOWN: "the interface is down",
    errno.ENETUNREACH: "the next hop is not on-link: the interface is down, or has no address in its prefix",
    errno.ENODEV: "there is no such interface",
    errno.EPERM: "it needs CAP_NET_ADMIN",
}


def observe(netlink: IPRoute, links: Mapping[int, Link], tables: Collection[int]) -> Iterator[Route]:
    """Read the IPv4 routes of some tables, and ours of all; `links` gives the devices by their indexes.

    It is one dump of all tables: pyroute2 would decode all of them for each that it is asked for.
    """
    for message in netlink.get_routes(family=socket.AF_INET):
        attributes = dict(message["attrs"])
        table = attributes.get("RTA_TABLE", message["table"])
        if table not in tables and message["proto"] != PROTOCOL:
            continue
        prefsrc = attributes.get("RTA_PREFSRC")
        yield Route(
            prefix=Prefix.parse(f"{attributes.get('RTA_DST', _ANY)}/{message['dst_len']}"),
            oif=_device(attributes.get("RTA_OIF"), links),
            next_hop=_next_hop(attributes),
            table=table,
            metric=attributes.get("RTA_PRIORITY", 0),
            protocol=message["proto"],
            type=_TYPES.get(message["type"], str(message["type"])),
            prefsrc=None if prefsrc is None else Address.parse(prefsrc),
            hops=tuple(_hop(hop, links) for hop in attributes.get("RTA_MULTIPATH", ())),
            tos=message["tos"],
            onlink=bool(message["flags"] & _RTNH_F_ONLINK),
        )


def _hop(message: Mapping[str, Any], links: Mapping[int, Link]) -> Hop:
    return Hop(_device(message["oif"], links), _next_hop(dict(message["attrs"])), message["hops"] + 1)


def _device(index: int | None, links: Mapping[int, Link]) -> IfName | None:
    return None if index is None or index not in links else links[index].name


def _next_hop(attributes: Mapping[str, Any]) -> Address | None:
    """Give the gateway; that of an IPv4 route may have an IPv6 address (RTA_VIA)."""
    gateway = attributes.get("RTA_GATEWAY") or attributes.get("RTA_VIA", {}).get("addr")
    return None if gateway is None else Address.parse(gateway)


def write(netlink: IPRoute, indexes: Mapping[IfName, int], change: Change[Route]) -> None:
    """Create, replace or delete one route; a route that is gone already needs no delete.

    A replace is one message, so that no packet of an unchanged flow finds the route missing.
    """
    verb = "add" if change.before is None else "del" if change.after is None else "replace"
    route = change.resource
    for oif in (route.oif, *(hop.oif for hop in route.hops)):
        if oif is not None and oif not in indexes:
            if verb == "del":
                return  # a route goes with its device
            raise refused(change, f"there is no interface {oif}")
    try:
        netlink.route(verb, scope=_scope(verb, route), **_arguments(route, indexes))
    except NetlinkError as error:
        if verb == "del" and error.code == errno.ESRCH:
            return
        raise refused(change, _MEANING.get(error.code, str(error))) from error


def _arguments(route: Route, indexes: Mapping[IfName, int]) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "family": socket.AF_INET if route.prefix.version == 4 else socket.AF_INET6,
        "dst": str(route.prefix),
        "table": route.table,
        "proto": route.protocol,
        "type": route.type,
    }
    if route.tos:
        arguments["tos"] = route.tos
    if route.metric:
        arguments["priority"] = route.metric
    if route.onlink:
        arguments["flags"] = _RTNH_F_ONLINK
    if route.prefsrc is not None:
        arguments["prefsrc"] = str(route.prefsrc)
    if route.hops:
        hops = (_way(hop.oif, hop.next_hop, indexes) | {"hops": hop.weight - 1} for hop in route.hops)
        return arguments | {"multipath": list(hops)}
    return arguments | _way(route.oif, route.next_hop, indexes)


def _way(oif: IfName | None, next_hop: Address | None, indexes: Mapping[IfName, int]) -> dict[str, Any]:
    way: dict[str, Any] = {}
    if next_hop is not None:
        way["gateway" if next_hop.version == 4 else "via"] = (
            str(next_hop) if next_hop.version == 4 else {"family": socket.AF_INET6, "addr": str(next_hop)}
        )
    if oif is not None:
        way["oif"] = indexes[oif]
    return way


def _scope(verb: str, route: Route) -> int:
    """Choose the scope as ip-route(8) does; a delete is for whatever scope the route has."""
    if verb == "del":
        return _SCOPES["nowhere"]
    if route.type == "unicast" and route.next_hop is None and all(hop.next_hop is None for hop in route.hops):
        return _SCOPES["link"]
    return _SCOPES["host" if route.type == "local" else "universe"]
