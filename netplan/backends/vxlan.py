"""vxlan: a tunnel between the nodes, and what leads each peer's subnet into it, as flannel makes them.

No packet ever asks who is behind the tunnel: a peer's subnet is routed to the subnet's first address, that is a
permanent neighbour with the link-layer address of the peer's end, and the forwarding database has the peer's address
for this. The link-layer addresses follow from the nodes' addresses, so that every node can compile every other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netplan.backends.host_gw import direct_route
from netplan.errors import Location
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import ALIAS, OVERHEAD, VXLAN, Link, Vxlan
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress, LinkLayerAddress
from netplan.resource import Reason, Resource, Wanted
from netplan.spec.model import Backend
from netplan.topology import Node, Topology

_HOST_LENGTH: Final = 32


def compile_vxlan(topology: Topology, node: Node, backend: Backend, at: Location) -> Iterator[Wanted[Resource]]:
    """Give the tunnel of one node, and what each peer needs of it, in the order of the spec; `at` is the backend's."""
    link = tunnel(node, backend)
    yield Wanted(link, Reason("tunnel to the peers", at))
    yield Wanted(LinkAddress(link.name, _end(node), ours=True), Reason("this node's end of the tunnel", at))
    yield Wanted(_without_advertisements(link.name), Reason("a tunnel has no IPv6 router", at))
    for peer in topology.peers(node):
        if backend.direct_routing and peer.segment == node.segment:
            yield direct_route(node, peer)
        else:
            yield from _through(link.name, peer)


def tunnel(node: Node, backend: Backend) -> Link:
    """Give the device of a node's tunnel."""
    made = Vxlan(backend.vni, backend.port, node.address.address, node.interface)
    mtu = node.mtu - OVERHEAD if backend.mtu is None else backend.mtu
    return Link(backend.link, mtu, up=True, alias=ALIAS, type=VXLAN, lladdr=_lladdr(node), vxlan=made)


def _through(link: IfName, peer: Node) -> Iterator[Wanted[Resource]]:
    reason = Reason(f"subnet of {peer.name}", peer.at)
    end = _end(peer).address
    yield Wanted(Neighbour(link, end, _lladdr(peer), ours=True), reason)
    yield Wanted(FdbEntry(link, _lladdr(peer), peer.endpoint, ours=True), reason)
    yield Wanted(Route(peer.subnet, oif=link, next_hop=end, onlink=True), reason)


def _end(node: Node) -> InterfaceAddress:
    """Give the address that a node's end of the tunnel has: the first of its subnet, which no pod has."""
    return InterfaceAddress(node.subnet.address, _HOST_LENGTH)


def _lladdr(node: Node) -> LinkLayerAddress:
    """Derive the link-layer address of a node's end, a locally administered one, from the node's address."""
    return LinkLayerAddress(f"0e:2a:{node.address.address.packed.hex(':')}")


def _without_advertisements(link: IfName) -> Sysctl:
    return Sysctl(f"net.ipv6.conf.{link.replace('.', '/')}.accept_ra", "0")
