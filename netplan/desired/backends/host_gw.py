"""host-gw: a route to each peer's subnet through the peer's own address; needs one segment (flannel's backends.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netplan.kinds.resource import Reason, Wanted
from netplan.kinds.route.value import USUAL_METRIC, Route
from netplan.net import Prefix
from netplan.spec.topology import Node, Topology


def compile_host_gw(topology: Topology, node: Node) -> Iterator[Wanted[Route]]:
    """Return the routes of one node, one a peer and subnet, in the order of the spec."""
    return (route for peer in topology.peers(node) for route in direct_routes(node, peer, peer.subnets))


def direct_routes(node: Node, peer: Node, subnets: Iterable[Prefix]) -> Iterator[Wanted[Route]]:
    """Return routes of a node to subnets of a peer on its own segment, through its addresses of their IP version."""
    for subnet in subnets:
        next_hop = peer.address_of(subnet.version)
        if next_hop is not None:
            route = Route(subnet, node.interface, next_hop.address, metric=USUAL_METRIC[subnet.version])
            yield Wanted(route, Reason(f"subnet of {peer.name}", peer.at))
