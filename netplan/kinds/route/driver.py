"""Routes in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl import rt_scope, rt_type

from netplan.kinds.link.value import Link
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.net import Address, IfName, Prefix
from netplan.resource import Change, refused

_TYPES: Final[Mapping[int, str]] = {number: name for name, number in rt_type.items()}

_ANY: Final = str(Prefix(4, 0, 0).address)

_MEANING: Final = {
    errno.EEXIST: "a route of this prefix, metric and table exists that is not ours",
    errno.EINVAL: "the kernel finds it contradictory; does the next hop lie on-link?",
    errno.ENETDOWN: "the interface is down",
    errno.ENETUNREACH: "the next hop is not on-link: the interface is down, or has no address in its prefix",
    errno.ENODEV: "there is no such interface",
    errno.EPERM: "it needs CAP_NET_ADMIN",
}


def observe(netlink: IPRoute, links: Mapping[int, Link]) -> Iterator[Route]:
    """Read the IPv4 routes of the main table; `links` gives the devices by their indexes."""
    for message in netlink.get_routes(family=socket.AF_INET, table=MAIN_TABLE):
        attributes = dict(message["attrs"])
        oif, gateway = attributes.get("RTA_OIF"), attributes.get("RTA_GATEWAY")
        yield Route(
            prefix=Prefix.parse(f"{attributes.get('RTA_DST', _ANY)}/{message['dst_len']}"),
            oif=None if oif is None or oif not in links else links[oif].name,
            next_hop=None if gateway is None else Address.parse(gateway),
            metric=attributes.get("RTA_PRIORITY", 0),
            protocol=message["proto"],
            type=_TYPES.get(message["type"], str(message["type"])),
        )


def write(netlink: IPRoute, indexes: Mapping[IfName, int], change: Change[Route]) -> None:
    """Create, replace or delete one route; a route that is gone already needs no delete.

    A replace is one message, so that no packet of an unchanged flow finds the route missing.
    """
    verb = "add" if change.before is None else "del" if change.after is None else "replace"
    route = change.resource
    if route.oif is not None and route.oif not in indexes:
        raise refused(change, f"there is no interface {route.oif}")
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
    if route.metric:
        arguments["priority"] = route.metric
    if route.next_hop is not None:
        arguments["gateway"] = str(route.next_hop)
    if route.oif is not None:
        arguments["oif"] = indexes[route.oif]
    return arguments


def _scope(verb: str, route: Route) -> int:
    """Choose the scope as ip-route(8) does; a delete is for whatever scope the route has."""
    if verb == "del":
        return rt_scope["nowhere"]
    if route.type == "unicast" and route.next_hop is None:
        return rt_scope["link"]
    return rt_scope["host" if route.type == "local" else "universe"]
