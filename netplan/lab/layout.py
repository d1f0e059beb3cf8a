"""What stands in a cluster's lab: hosts, switches, cables, addresses. Pure: a topology goes in, a plan comes out.

floor     the lab's first network namespace: one switch (a bridge without an address) for each segment
NODE      one for each node: its interface, cabled to the switch of its segment, and its bridge
NODE-podN pods, cabled to the bridge of their node
router    on every segment, at its highest address that no node has; knows no pod subnet
outside   a host beyond the router that knows no pod subnet either
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from netplan.errors import UsageError
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.topology import Node, Topology

FLOOR: Final = ""
"""Where the switches stand: the network namespace without a name."""

ROUTER: Final = "router"
OUTSIDE: Final = "outside"

_POD_INTERFACE: Final = IfName("eth0")
_TEST_NETS: Final = tuple(map(Prefix.parse, ("198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24")))
_LONGEST_HOST_NAME: Final = 64


class HostKind(StrEnum):
    """What a host of the lab stands for."""

    NODE = "node"
    POD = "pod"
    ROUTER = "router"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Host:
    """A host as the lab's users know it; the first address is the one that other hosts call it by."""

    name: str
    kind: HostKind
    addresses: tuple[InterfaceAddress, ...]


@dataclass(frozen=True, slots=True)
class Plug:
    """The far end of a cable: a port of a bridge on another host, or of a switch on the floor."""

    host: str
    bridge: IfName
    port: IfName


@dataclass(frozen=True, slots=True)
class Interface:
    """A device with an address: one end of a cable, or a bridge if `plug` is None."""

    name: IfName
    address: InterfaceAddress
    plug: Plug | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """How one host is connected; without a gateway it has no default route."""

    name: str
    kind: HostKind
    interfaces: tuple[Interface, ...]
    gateway: Address | None = None

    @property
    def host(self) -> Host:
        """The host that is wired so."""
        return Host(self.name, self.kind, tuple(interface.address for interface in self.interfaces))


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole lab: its switches, and its hosts in the order in which they are shown."""

    switches: tuple[IfName, ...]
    wirings: tuple[Wiring, ...]

    def plugs(self) -> Iterator[Plug]:
        """Every cable's far end."""
        return (each.plug for wiring in self.wirings for each in wiring.interfaces if each.plug is not None)


@dataclass(frozen=True, slots=True)
class _Segment:
    """A switch and who is on it: the nodes, in the order of their ports, and on the last port the router."""

    switch: IfName
    prefix: Prefix
    nodes: tuple[Node, ...]
    router: Address

    def interface(self, name: IfName, address: InterfaceAddress, port: int) -> Interface:
        return Interface(name, address, Plug(FLOOR, self.switch, IfName(f"{self.switch}p{port}")))


def lay_out(topology: Topology, pods: int = 2) -> Layout:
    """Plan a cluster's lab with so many pods on each node; UsageError if names or addresses leave no room for it."""
    segments = [
        _Segment(IfName(f"sw{number}"), prefix, nodes, _free_address(prefix, nodes))
        for number, (prefix, nodes) in enumerate(topology.segments.items())
    ]
    beyond = _Segment(IfName(f"sw{len(segments)}"), net := _test_net(topology), (), net.host(1))
    wirings = (
        *(wiring for node in topology.nodes for wiring in _wire_node(node, segments, pods)),
        _wire_router([*segments, beyond]),
        _wire_outside(beyond),
    )
    _check_names(wirings)
    return Layout(tuple(segment.switch for segment in [*segments, beyond]), wirings)


def _wire_node(node: Node, segments: Sequence[_Segment], pods: int) -> Iterator[Wiring]:
    """Give a node and then its pods."""
    segment = next(segment for segment in segments if segment.prefix == node.segment)
    uplink = segment.interface(node.interface, node.address, segment.nodes.index(node) + 1)
    bridge = Interface(node.bridge, InterfaceAddress(node.subnets[0].host(1), node.subnets[0].length))
    yield Wiring(node.name, HostKind.NODE, (uplink, bridge), gateway=segment.router)
    for number, address in enumerate(_pod_addresses(node, pods), start=1):
        plug = Plug(node.name, node.bridge, IfName(f"pod{number}"))
        interface = Interface(_POD_INTERFACE, address, plug)
        yield Wiring(f"{node.name}-pod{number}", HostKind.POD, (interface,), gateway=bridge.address.address)


def _wire_router(segments: Sequence[_Segment]) -> Wiring:
    return Wiring(
        ROUTER,
        HostKind.ROUTER,
        tuple(
            segment.interface(
                IfName(f"eth{number}"),
                InterfaceAddress(segment.router, segment.prefix.length),
                len(segment.nodes) + 1,
            )
            for number, segment in enumerate(segments)
        ),
    )


def _wire_outside(beyond: _Segment) -> Wiring:
    address = InterfaceAddress(beyond.prefix.host(2), beyond.prefix.length)
    return Wiring(OUTSIDE, HostKind.OUTSIDE, (beyond.interface(IfName("eth0"), address, 2),), gateway=beyond.router)


def _free_address(segment: Prefix, nodes: Sequence[Node]) -> Address:
    """Give a segment's highest usable address that no node has."""
    taken = {node.address.address for node in nodes}
    usable = range(segment.size - 2, 0, -1) if segment.size > 2 else range(segment.size - 1, -1, -1)
    for number in usable:
        if (address := segment.host(number)) not in taken:
            return address
    names = ", ".join(node.name for node in nodes)
    raise UsageError(f"the lab needs an address for its router in {segment}, but the nodes have them all: {names}")


def _pod_addresses(node: Node, pods: int) -> list[InterfaceAddress]:
    """Give the addresses after the bridge's."""
    room = max(0, node.subnets[0].size - 3)
    if pods > room:
        raise UsageError(f"{node.name}: subnet {node.subnets[0]} has room for {room} pods, not for {pods}")
    return [InterfaceAddress(node.subnets[0].host(2 + number), node.subnets[0].length) for number in range(pods)]


def _test_net(topology: Topology) -> Prefix:
    """Give a documentation prefix that the cluster does not use."""
    used = [*topology.networks, *topology.segments]
    for prefix in _TEST_NETS:
        if not any(prefix.overlaps(other) for other in used):
            return prefix
    raise UsageError(f"the lab needs one of {', '.join(map(str, _TEST_NETS))} for its outside host; the spec uses all")


def _check_names(wirings: Sequence[Wiring]) -> None:
    """Refuse hosts of one name, and names that are too long to be a host name."""
    for name, count in Counter(wiring.name for wiring in wirings).items():
        if count > 1:
            raise UsageError(f"the lab has {count} hosts of the name {name}: call that node something else")
        if len(name) > _LONGEST_HOST_NAME:
            raise UsageError(f"{name} is too long for a host name ({_LONGEST_HOST_NAME} characters)")
