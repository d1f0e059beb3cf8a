"""Whether a device reaches a next hop without a router, as the kernel decides it (fib_check_nh, ip6_route_check_nh)."""

from __future__ import annotations

from functools import cached_property

from msgspec.structs import replace

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import BITS, Address, IfName, Prefix


class OnLink:
    """What the devices of a state reach without a router; nothing is known of a state without addresses (a record's).

    The kernel takes a route by a next hop only if the longest of the device's own routes to it has no next hop itself;
    one that is `onlink` it takes as it is.
    """

    def __init__(self, state: Snapshot) -> None:
        self._state = state

    def reaches(self, oif: IfName, next_hop: Address) -> bool:
        """Whether a device reaches a next hop."""
        host = Prefix(next_hop.version, next_hop.value, BITS[next_hop.version])
        for length in self._lengths:
            route = self._routes.get((oif, host.within(length))) if length <= host.length else None
            if route is not None:
                return route.next_hop is None and route.type == "unicast"
        return False

    def off(self, route: Route) -> bool:
        """Whether a route's device is there and up, and does not reach the route's next hop.

        A link of ours, and any tunnel, reaches every next hop: what it needs for that comes with the route.
        """
        if route.next_hop is None or route.oif not in self._foreign:
            return False
        return not self.reaches(route.oif, route.next_hop)

    def taken(self, route: Route) -> Route:
        """Return a route as the kernel takes it: `onlink` where its device does not reach the next hop."""
        return replace(route, onlink=True) if self.off(route) else route

    @cached_property
    def _foreign(self) -> frozenset[IfName]:
        known = bool(self._state.all(LinkAddress))
        return frozenset(
            link.name for link in self._state.all(Link) if known and link.up and not link.ours and not link.vxlan
        )

    @cached_property
    def _routes(self) -> dict[tuple[IfName, Prefix], Route]:
        """The routes of the main table by device and prefix; of several to a prefix the one that is used."""
        routes: dict[tuple[IfName, Prefix], Route] = {}
        for route in self._state.all(Route):
            if route.table == MAIN_TABLE and route.oif is not None and not route.tos:
                before = routes.setdefault((route.oif, route.prefix), route)
                if route.metric < before.metric:
                    routes[route.oif, route.prefix] = route
        return routes

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        """The lengths of all their prefixes, the longest first."""
        return tuple(sorted({prefix.length for _, prefix in self._routes}, reverse=True))
