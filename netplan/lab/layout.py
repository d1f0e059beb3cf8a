"""What stands in a cluster's lab: hosts, switches, cables, addresses. Pure: a topology goes in, a plan comes out.

floor     the lab's first network namespace: one switch (a bridge without an address) for each segment
NODE      one for each node: its interface, cabled to the switch of its segment, and its bridge
NODE-podN pods, cabled to the bridge of their node
router    on every segment, at its highest address that no node has; knows no pod subnet, and is the NAT before nodes
          that have a public address
outside   a host beyond the router that knows no pod subnet either
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain
from typing import Final

from msgspec import Struct

from netplan.errors import UsageError
from netplan.net import BITS, Address, IfName, InterfaceAddress, Prefix
from netplan.spec.topology import AUTO, USUAL_MTU, Node, Topology

FLOOR: Final = ""
"""Where the switches stand: the network namespace without a name."""

ROUTER: Final = "router"
OUTSIDE: Final = "outside"

_USUAL_INTERFACE: Final = IfName("eth0")
_TEST_NETS: Final = {
    4: tuple(map(Prefix.parse, ("198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24"))),
    6: tuple(map(Prefix.parse, ("2001:db8:1::/64", "2001:db8:2::/64", "2001:db8:3::/64"))),
}
_LONGEST_HOST_NAME: Final = 64


class HostKind(StrEnum):
    """What a host of the lab stands for."""

    NODE = "node"
    POD = "pod"
    ROUTER = "router"
    OUTSIDE = "outside"


class Host(Struct, frozen=True):
    """A host as the lab's users know it; the first address is the one that other hosts call it by."""

    name: str
    kind: HostKind
    addresses: tuple[InterfaceAddress, ...]


class Plug(Struct, frozen=True):
    """The far end of a cable: a port of a bridge on another host, or of a switch on the floor; `mtu` is the port's."""

    host: str
    bridge: IfName
    port: IfName
    mtu: int = USUAL_MTU


class Interface(Struct, frozen=True):
    """A device with an address of one IP version or of each: one end of a cable, or a bridge if `plug` is None."""

    name: IfName
    addresses: tuple[InterfaceAddress, ...]
    plug: Plug | None = None
    mtu: int = USUAL_MTU


class Translation(Struct, frozen=True):
    """A NAT of one address to one: a host outside of `segment` knows the holder of `own` as `public`, and only so."""

    public: Address
    own: Address
    segment: Prefix


class Wiring(Struct, frozen=True):
    """How one host is connected, with a default route by each of its gateways, which are of different IP versions."""

    name: str
    kind: HostKind
    interfaces: tuple[Interface, ...]
    gateways: tuple[Address, ...] = ()
    translations: tuple[Translation, ...] = ()

    @property
    def host(self) -> Host:
        """The host that is wired so."""
        return Host(
            self.name, self.kind, tuple(chain.from_iterable(interface.addresses for interface in self.interfaces))
        )


class Layout(Struct, frozen=True):
    """A whole lab: its switches, and its hosts in the order in which they are shown."""

    switches: tuple[IfName, ...]
    wirings: tuple[Wiring, ...]

    def plugs(self) -> Iterator[Plug]:
        """Every cable's far end."""
        return (
            interface.plug for wiring in self.wirings for interface in wiring.interfaces if interface.plug is not None
        )


class _Segment(Struct, frozen=True):
    """A switch and who is on it: the nodes, in the order of their ports, and on the last port the router.

    The router has an address of each prefix, and carries as large packets as any node.
    """

    switch: IfName
    nodes: tuple[Node, ...]
    router: tuple[InterfaceAddress, ...]

    @property
    def mtu(self) -> int:
        """The largest packet that its switch and its router carry."""
        return max((node.mtu for node in self.nodes), default=USUAL_MTU)

    def interface(self, name: IfName, addresses: tuple[InterfaceAddress, ...], port: int, mtu: int) -> Interface:
        return Interface(name, addresses, Plug(FLOOR, self.switch, IfName(f"{self.switch}p{port}"), self.mtu), mtu)

    def gateways(self, node: Node) -> tuple[Address, ...]:
        """Return the router's addresses on the node's networks."""
        prefixes = {address.prefix for address in node.addresses}
        return tuple(address.address for address in self.router if address.prefix in prefixes)


def lay_out(topology: Topology, pods: int = 2) -> Layout:
    """Plan a cluster's lab with so many pods on each node; UsageError if names or addresses leave no room for it."""
    segments = [
        _Segment(IfName(f"sw{number}"), nodes, tuple(_router_addresses(nodes)))
        for number, nodes in enumerate(topology.segments.values())
    ]
    nets = tuple(_test_nets(topology))
    router = tuple(InterfaceAddress(net.host(1), net.length) for net in nets)
    beyond = _Segment(IfName(f"sw{len(segments)}"), (), router)
    wirings = (
        *(wiring for node in topology.nodes for wiring in _wire_node(node, segments, pods)),
        _wire_router([*segments, beyond], tuple(_translations(topology.nodes))),
        _wire_outside(beyond, nets),
    )
    _check_names(wirings)
    return Layout(tuple(segment.switch for segment in [*segments, beyond]), wirings)


def _wire_node(node: Node, segments: Sequence[_Segment], pods: int) -> Iterator[Wiring]:
    """Return a node and then its pods."""
    segment = next(segment for segment in segments if node in segment.nodes)
    name = _USUAL_INTERFACE if node.interface == AUTO else node.interface
    uplink = segment.interface(name, node.addresses, segment.nodes.index(node) + 1, node.mtu)
    bridge = Interface(node.bridge, tuple(map(node.gateway, node.subnets)), mtu=node.mtu)
    yield Wiring(node.name, HostKind.NODE, (uplink, bridge), segment.gateways(node))
    for number, addresses in enumerate(_pod_addresses(node, pods), start=1):
        plug = Plug(node.name, node.bridge, IfName(f"pod{number}"), node.mtu)
        interface = Interface(_USUAL_INTERFACE, addresses, plug, node.mtu)
        gateways = tuple(address.address for address in bridge.addresses)
        yield Wiring(f"{node.name}-pod{number}", HostKind.POD, (interface,), gateways)


def _wire_router(segments: Sequence[_Segment], translations: tuple[Translation, ...]) -> Wiring:
    return Wiring(
        ROUTER,
        HostKind.ROUTER,
        tuple(
            segment.interface(IfName(f"eth{number}"), segment.router, len(segment.nodes) + 1, segment.mtu)
            for number, segment in enumerate(segments)
        ),
        translations=translations,
    )


def _translations(nodes: Iterable[Node]) -> Iterator[Translation]:
    """Return what is in the place of the NAT before the nodes that peers know by another address than their own."""
    for node in nodes:
        if node.endpoint != node.address.address:
            yield Translation(node.endpoint, node.address.address, node.segment)


def _wire_outside(beyond: _Segment, nets: Iterable[Prefix]) -> Wiring:
    addresses = tuple(InterfaceAddress(net.host(2), net.length) for net in nets)
    gateways = tuple(address.address for address in beyond.router)
    return Wiring(OUTSIDE, HostKind.OUTSIDE, (beyond.interface(IfName("eth0"), addresses, 2, beyond.mtu),), gateways)


def _router_addresses(nodes: Sequence[Node]) -> Iterator[InterfaceAddress]:
    """Return the router one address on each network that nodes of a segment have."""
    for prefix in dict.fromkeys(address.prefix for node in nodes for address in node.addresses):
        yield InterfaceAddress(_free_address(prefix, nodes), prefix.length)


def _free_address(segment: Prefix, nodes: Sequence[Node]) -> Address:
    """Return a network's highest usable address that no node has."""
    occupied = {address.address for node in nodes for address in node.addresses} | {node.endpoint for node in nodes}
    usable = range(segment.size - 2, 0, -1) if segment.size > 2 else range(segment.size - 1, -1, -1)
    for number in usable:
        if (address := segment.host(number)) not in occupied:
            return address
    names = ", ".join(node.name for node in nodes)
    raise UsageError(f"the lab needs an address for its router in {segment}, but the nodes have them all: {names}")


def _pod_addresses(node: Node, pods: int) -> list[tuple[InterfaceAddress, ...]]:
    """Return the addresses after the bridge's, of each subnet."""
    for subnet in node.subnets:
        room = max(0, subnet.size - 3)
        if pods > room:
            raise UsageError(f"{node.name}: subnet {subnet} has room for {room} pods, not for {pods}")
    return [
        tuple(InterfaceAddress(subnet.host(2 + number), subnet.length) for subnet in node.subnets)
        for number in range(pods)
    ]


def _test_nets(topology: Topology) -> Iterator[Prefix]:
    """Return a documentation prefix that the cluster does not use, of each IP version of its nodes."""
    prefixes = {address.prefix for node in topology.nodes for address in node.addresses}
    public = (InterfaceAddress(node.endpoint, BITS[node.endpoint.version]).prefix for node in topology.nodes)
    used = [*topology.networks, *prefixes, *public]
    for version in sorted({prefix.version for prefix in prefixes}):
        nets = _TEST_NETS[version]
        free = next((prefix for prefix in nets if not any(prefix.overlaps(other) for other in used)), None)
        if free is None:
            listed = ", ".join(map(str, nets))
            raise UsageError(f"the lab needs one of {listed} for its outside host; the spec uses all")
        yield free


def _check_names(wirings: Sequence[Wiring]) -> None:
    """Refuse hosts of one name, and names that are too long to be a host name."""
    for name, count in Counter(wiring.name for wiring in wirings).items():
        if count > 1:
            raise UsageError(f"the lab has {count} hosts of the name {name}: call that node something else")
        if len(name) > _LONGEST_HOST_NAME:
            raise UsageError(f"{name} is too long for a host name ({_LONGEST_HOST_NAME} characters)")
