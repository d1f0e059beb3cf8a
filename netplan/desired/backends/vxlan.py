"""vxlan: a tunnel between the nodes, and what leads each peer's subnet into it, as flannel makes them.

No packet ever asks who is behind the tunnel: a peer's subnet is routed to the subnet's first address, that is a
permanent neighbour with the link-layer address of the peer's end, and the forwarding database has the peer's address
for this. The link-layer addresses follow from the nodes' addresses, so that every node can compile every other's.

One link carries both IP versions, since what it carries are Ethernet frames; flannel makes a second one for IPv6, which
sends to the peers' IPv6 addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netplan.desired.backends.host_gw import direct_routes
from netplan.errors import Location
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import ALIAS, VXLAN, Link, Vxlan, derived_lladdr
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.resource import Reason, Resource, Wanted
from netplan.kinds.route.value import USUAL_METRIC, Route
from netplan.kinds.sysctl.value import Sysctl, accept_ra
from netplan.net import BITS, IPV6_MTU_MIN, IfName, InterfaceAddress, Prefix
from netplan.spec.model import BackendOptions
from netplan.spec.topology import Node, Topology


def compile_vxlan(topology: Topology, node: Node, backend: BackendOptions, at: Location) -> Iterator[Wanted[Resource]]:
    """Return tunnel of one node, and what each peer needs of it, in the order of the spec; `at` is the backend's."""
    link = tunnel(node, backend)
    yield Wanted(link, Reason("tunnel to the peers", at))
    for subnet in node.subnets:
        yield Wanted(LinkAddress(link.name, _end(subnet), ours=True), Reason("this node's end of the tunnel", at))
    if link.mtu >= IPV6_MTU_MIN:
        yield Wanted(Sysctl(accept_ra(link.name), "0"), Reason("a tunnel has no IPv6 router", at))
    for peer in topology.peers(node):
        near = [subnet for subnet in peer.subnets if backend.direct_routing and _on_one_segment(node, peer, subnet)]
        yield from direct_routes(node, peer, near)
        yield from _through(link.name, peer, [subnet for subnet in peer.subnets if subnet not in near])


def tunnel(node: Node, backend: BackendOptions) -> Link:
    """Return the device of a node's tunnel."""
    vxlan = Vxlan(backend.vni, backend.port, node.address.address, node.interface)
    mtu = node.mtu - vxlan.overhead if backend.mtu is None else backend.mtu
    return Link(
        backend.link, mtu, up=True, alias=ALIAS, type=VXLAN, lladdr=derived_lladdr(node.address.address), vxlan=vxlan
    )


def _on_one_segment(node: Node, peer: Node, subnet: Prefix) -> bool:
    """Whether a peer is reached without a router at its address of a subnet's IP version."""
    own, other = node.address_of(subnet.version), peer.address_of(subnet.version)
    return own is not None and other is not None and own.prefix == other.prefix


def _through(link: IfName, peer: Node, subnets: Sequence[Prefix]) -> Iterator[Wanted[Resource]]:
    reason = Reason(f"subnet of {peer.name}", peer.at)
    lladdr = derived_lladdr(peer.address.address)
    for subnet in subnets:
        yield Wanted(Neighbour(link, subnet.address, lladdr, ours=True), reason)
    if subnets:
        yield Wanted(FdbEntry(link, lladdr, peer.endpoint, ours=True), reason)
    for subnet in subnets:
        metric = USUAL_METRIC[subnet.version]
        yield Wanted(Route(subnet, oif=link, next_hop=subnet.address, metric=metric, onlink=True), reason)


def _end(subnet: Prefix) -> InterfaceAddress:
    """Return the address that a node's end of the tunnel has: the first of its subnet, which no pod has."""
    return InterfaceAddress(subnet.address, BITS[subnet.version])
