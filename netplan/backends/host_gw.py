"""host-gw: a route to each peer's subnet through the peer's own address; needs one segment (flannel's backends.md)."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.kinds.route.value import Route
from netplan.resource import Reason, Wanted
from netplan.topology import Node, Topology


def compile_host_gw(topology: Topology, node: Node) -> Iterator[Wanted[Route]]:
    """Give the routes of one node, one a peer, in the order of the spec."""
    return (direct_route(node, peer) for peer in topology.peers(node))


def direct_route(node: Node, peer: Node) -> Wanted[Route]:
    """Give the route of a node to the subnet of a peer on its own segment."""
    route = Route(peer.subnet, oif=node.interface, next_hop=peer.address.address)
    return Wanted(route, Reason(f"subnet of {peer.name}", peer.at))
