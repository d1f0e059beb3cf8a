"""Routes to gateways themselves, which are there while on-link routes by these gateways are written.

IPv6 takes a gateway for on-link only if no route but a default one leads to it by another device (net/ipv6/route.c,
ip6_route_check_nh_onlink). The gateway by which a subnet is reached through a tunnel lies in that subnet, whose route
may still lead elsewhere: it could not be replaced, but only deleted first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

from netplan.kinds.route.value import USUAL_METRIC, Route
from netplan.net import BITS, IfName, Prefix


def asks(route: Route) -> bool:
    """Whether the kernel looks for other routes to the gateway of a route."""
    return route.prefix.version == 6 and route.onlink and route.next_hop is not None


def leads(wanted: Iterable[Route], there: Mapping[Prefix, Set[int]], indexes: Mapping[IfName, int]) -> Iterator[Route]:
    """Return the routes without which the kernel would refuse wanted ones; `there` gives the devices of each prefix."""
    lengths = {prefix.length for prefix in there} - {0}
    for route in wanted:
        if asks(route) and route.next_hop is not None and route.oif is not None:
            gateway = Prefix(6, route.next_hop.value, BITS[6])
            devices = {index for length in lengths for index in there.get(gateway.within(length), ())}
            if devices - {indexes[route.oif]}:
                yield Route(gateway, route.oif, metric=USUAL_METRIC[6])
