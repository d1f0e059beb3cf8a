"""The classes of traffic in a cluster, as one node sees them: sets of packets, and what the spec wants of them.

It wants that traffic is accepted, unless `forward` is none, and with the outside only if it is accept; that pods keep
their address inside the cluster and are masqueraded outside of it, if `ip_masq` is enabled; and that what it cares for
arrives where it was sent. What a tunnel brings from a peer it wants to be let in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.model import Desired, Removal, Traffic
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link, Vxlan
from netplan.kinds.route.value import Route
from netplan.net import BITS, Address, IfName, Prefix
from netplan.netfilter.iptables.names import ICMP, ICMPV6, TCP, UDP
from netplan.planning.traffic.peers import OUTSIDE, Peers, pods_of
from netplan.spec.model import Mark
from netplan.spec.topology import Node
from netplan.trace import Flow
from netplan.trace.addresses import LOOPBACK
from netplan.trace.connection import answers
from netplan.trace.flow import NO_DEVICE, services
from netplan.trace.flow import Mark as PacketMark
from netplan.trace.intervals import Intervals, join, meet, minus, of_blocks, of_prefix, of_prefixes, only
from netplan.trace.packet import ECHO_REQUESTS
from netplan.trace.table import Way

TUNNEL: Final = frozenset({"tunnel from peer", "tunnel to peer"})
TO_NODE: Final = "outside -> node"
EPHEMERAL_PORTS: Final = (32768, 60999)
"""The source ports that the kernel chooses from (ip_local_port_range), for a tunnel's packets by what they carry."""


class SourceAddress(StrEnum):
    """What is to become of a packet's source address."""

    KEPT = "kept"
    REWRITTEN = "rewritten"


_KEPT: Final = SourceAddress.KEPT
_NO_PEERS: Final = Peers()


class TrafficClass(Struct, frozen=True):
    """A class of traffic: the packets as they come in or are sent, and what the spec wants of them.

    `source` is None where the spec leaves it to others; where it does not ask for `accepted` either it wants nothing.
    What `arrives` comes from another host, by the device that leads there: `packets` has the one of the spec. Routes
    `beyond` the cluster are others', and so are rules about a part of what is there. `peers` are those that packets
    come from, or go to. `bridge` is the device of the pods here that take part, with the address that it should have.
    `device` is the one by which packets should leave, to whatever next hop.
    """

    traffic: str
    packets: Flow
    source: SourceAddress | None
    accepted: bool = True
    mark: Mark | None = None
    arrives: bool = False
    beyond: bool = False
    peers: Peers = Peers()
    bridge: LinkAddress | None = None
    device: IfName | None = None

    @property
    def wanted(self) -> bool:
        """Whether the spec wants anything of this traffic."""
        return self.accepted or self.source is not None

    @property
    def one_way(self) -> bool:
        """Whether nothing replies to the packets: a tunnel's ends send from ports of their own."""
        return self.traffic in TUNNEL


def classes_of(desired: Desired) -> tuple[TrafficClass, ...]:
    """Return the classes of traffic of each IP version."""
    ways: dict[int, dict[Prefix, Way]] = {4: {}, 6: {}}
    for route in desired.all(Route):
        if route.type == "unicast":
            ways[route.prefix.version][route.prefix] = Way(route.oif, route.next_hop)
    classes: list[TrafficClass] = []
    for traffic in desired.reported_traffic:
        classes += _classes(traffic, ways[traffic.version])
        classes += _named(traffic, _of_node(traffic)) if _concerns_node(desired.removals) else ()
    tunnels = [link.vxlan for link in desired.all(Link) if link.vxlan is not None] if desired.reported_traffic else []
    for tunnel in tunnels:
        classes += _tunnelled(desired, tunnel)
    return tuple(one for one in classes if one.packets.source and one.packets.destination)


def flows_of(classes: Iterable[TrafficClass]) -> frozenset[Flow]:
    """Return the packets of classes, with what may come back to them.

    By which device those come in that arrive is not known before routes are read.
    """
    classes = tuple(classes)
    first = (replace(traffic.packets, iif=None) if traffic.arrives else traffic.packets for traffic in classes)
    return frozenset((*first, *answers(traffic.packets for traffic in classes if not traffic.one_way)))


def _classes(traffic: Traffic, ways: dict[Prefix, Way]) -> Iterator[TrafficClass]:
    return _named(traffic, _of_traffic(traffic, ways))


def _named(traffic: Traffic, classes: Iterable[TrafficClass]) -> Iterator[TrafficClass]:
    for one in classes:
        yield one if traffic.version == 4 else replace(one, traffic=f"{one.traffic} (IPv6)")


def _of_traffic(traffic: Traffic, ways: dict[Prefix, Way]) -> Iterator[TrafficClass]:
    pods = pods_of(traffic.subnet)
    to_neighbour = _from_pod(traffic, "pod -> pod here", pods, _KEPT)
    if traffic.subnet.size > 4:  # what stays on the bridge is left to those who asked for it
        yield replace(to_neighbour, source=None)
    for prefix in traffic.exempt:
        others = minus(of_prefix(prefix), of_prefix(traffic.network))
        yield _beyond(traffic, _from_pod(traffic, f"pod -> {prefix}", others, _KEPT))
    yield from _with_peers(traffic, ways)
    outside = _outside(traffic)
    yield _beyond(traffic, _from_pod(traffic, "pod -> outside", outside, SourceAddress.REWRITTEN))
    yield _beyond(traffic, _to_pod(traffic, "outside -> pod", outside))


def _beyond(traffic: Traffic, one: TrafficClass) -> TrafficClass:
    """Return a class of what goes beyond the cluster, or comes from there."""
    return replace(one, beyond=True, accepted=traffic.accepts_outside)


def _concerns_node(removals: Iterable[Removal]) -> bool:
    """Whether a rule is to go that packets of the node itself may meet, which are looked at only then."""
    return any(removal.chain.name != "FORWARD" for removal in removals)


def _of_node(traffic: Traffic) -> Iterator[TrafficClass]:
    """Return the classes of the node's own traffic; of these the spec wants nothing, and what a plan does is told."""
    here, version, outside = traffic.node.address_of(traffic.version), traffic.version, _outside(traffic)
    if here is None:
        return
    own = only(here.address.value)
    at_bridge = only(traffic.node.gateway(traffic.subnet).address.value)
    for name, flow, device in (
        (TO_NODE, Flow(version, outside, own), traffic.node.interface),
        ("pod -> own node", Flow(version, pods_of(traffic.subnet), join(own, at_bridge)), traffic.bridge),
        ("node -> outside", Flow(version, own, outside), NO_DEVICE),
    ):
        yield TrafficClass(name, first_packets(flow, device), None, accepted=False, arrives=device != NO_DEVICE)


def _outside(traffic: Traffic) -> Intervals:
    """Return the addresses of hosts outside of the cluster."""
    outside = minus(OUTSIDE[traffic.version], of_prefixes((traffic.network, *traffic.kept)))
    return minus(outside, _addresses(traffic))


def _addresses(traffic: Traffic) -> Intervals:
    """Return the addresses of all nodes."""
    version = traffic.version
    addresses = (own.address for node in traffic.nodes for own in node.addresses)
    return of_blocks((address.value for address in addresses if address.version == version), 1)


def _alone(address: Address) -> Prefix:
    return Prefix(address.version, address.value, BITS[address.version])


def _with_peers(traffic: Traffic, ways: dict[Prefix, Way]) -> Iterator[TrafficClass]:
    """Return the classes of traffic between this node and others; nodes take part that have an address of it."""
    version = traffic.version
    others = [node for node in traffic.nodes if node.name != traffic.node.name]
    subnets = [(subnet, node.name) for node in others for subnet in node.subnets if subnet.version == version]
    peers = Peers.of(subnets, ways)
    to_pod = replace(_from_pod(traffic, "pod -> pod", peers.addresses, _KEPT), peers=peers)
    yield to_pod
    yield _to_pod(traffic, "pod on peer -> pod here", peers.addresses, peers)
    yield from _with_nodes(traffic, others, ways, peers)
    for mark in traffic.respected:
        packets = replace(to_pod.packets, service=services([TCP]), mark=PacketMark.of(mark.value))
        yield replace(to_pod, packets=packets, source=None, accepted=False, mark=mark)


def _with_nodes(
    traffic: Traffic, others: Sequence[Node], ways: dict[Prefix, Way], peers: Peers
) -> Iterator[TrafficClass]:
    """Return the classes of traffic that this node or others take part in by their own addresses."""
    here = traffic.node.address_of(traffic.version)
    if here is None:
        return
    names = {name for _, name in peers.places}
    addressed = [
        (own.address, node.name)
        for node in others
        for own in node.addresses
        if own.address.version == traffic.version and node.name in names
    ]
    nodes = Peers.of([(_alone(address), name) for address, name in addressed], ways)
    kept = of_prefixes(traffic.kept)
    for destinations, source in (
        (meet(nodes.addresses, kept), _KEPT),
        (minus(nodes.addresses, kept), SourceAddress.REWRITTEN),
    ):
        yield replace(_from_pod(traffic, "pod -> node", destinations, source), peers=nodes)
    sent = first_packets(Flow(traffic.version, only(here.address.value), peers.addresses), NO_DEVICE)
    yield TrafficClass("node -> pod", sent, _asked(traffic, _KEPT), traffic.accepts, peers=peers)
    sent = replace(sent, destination=pods_of(traffic.subnet))
    home = Peers(ways=_home(traffic))
    yield TrafficClass("node -> pod here", sent, None, traffic.accepts, peers=home, bridge=_bridge(traffic))
    near = _untunnelled(traffic, nodes, peers)
    yield _to_pod(traffic, "node on peer -> pod here", near.addresses, near)


def _untunnelled(traffic: Traffic, nodes: Peers, peers: Peers) -> Peers:
    """Return the nodes that send to pods here under their own addresses: those to whose pods no tunnel leads.

    What comes out of a tunnel has the address of the sender's end of it.
    """
    tunnelled = {subnet for subnet, way in peers.ways.items() if way.oif != traffic.node.interface}
    behind = {name for subnet, name in peers.places if subnet in tunnelled} if tunnelled else set()
    return nodes if not behind else Peers.of(place for place in nodes.places if place[1] not in behind)


def _tunnelled(desired: Desired, tunnel: Vxlan) -> Iterator[TrafficClass]:
    """Return the packets by which peers send into this node's end of the tunnel, and it into theirs."""
    traffic = desired.reported_traffic[0]
    behind = {entry.dst for entry in desired.all(FdbEntry)}
    ends = [(node.endpoint, node.name) for node in traffic.nodes if node.endpoint in behind]
    peers = Peers.of((_alone(address), name) for address, name in ends)
    own = traffic.node.address.address
    service = services([UDP], only(tunnel.port))
    come = first_packets(Flow(own.version, peers.addresses, only(own.value)), traffic.node.interface, service)
    yield TrafficClass("tunnel from peer", come, None, arrives=True, peers=peers)
    sent = first_packets(Flow(own.version, only(own.value), peers.addresses), NO_DEVICE, service)
    device = None if tunnel.device == LOOPBACK else tunnel.device
    yield TrafficClass("tunnel to peer", sent, None, peers=peers, device=device)


def _from_pod(traffic: Traffic, name: str, destination: Intervals, source: SourceAddress) -> TrafficClass:
    flow = Flow(traffic.version, pods_of(traffic.subnet), destination)
    packets = first_packets(flow, traffic.node.bridge)
    return TrafficClass(name, packets, _asked(traffic, source), traffic.accepts, bridge=_bridge(traffic))


def _to_pod(traffic: Traffic, name: str, source: Intervals, peers: Peers = _NO_PEERS) -> TrafficClass:
    flow = Flow(traffic.version, source, pods_of(traffic.subnet))
    packets = first_packets(flow, traffic.node.interface)
    wanted = replace(peers, ways=_home(traffic))
    return TrafficClass(
        name, packets, _asked(traffic, _KEPT), traffic.accepts, arrives=True, peers=wanted, bridge=_bridge(traffic)
    )


def _bridge(traffic: Traffic) -> LinkAddress:
    return LinkAddress(traffic.bridge, traffic.node.gateway(traffic.subnet))


def _home(traffic: Traffic) -> dict[Prefix, Way]:
    """Return the way by which packets should leave to the pods here."""
    return {traffic.subnet: Way(traffic.bridge, None)}


def first_packets(flow: Flow, iif: str, service: Intervals | None = None) -> Flow:
    """Return packets as the first ones of connections, that come in by a device, or have none.

    Without a service they are of TCP, of UDP, or echo requests.
    """
    icmp = ICMP if flow.version == 4 else ICMPV6
    return replace(
        flow,
        sport=EPHEMERAL_PORTS,
        service=service or join(services([TCP, UDP]), services([icmp], only(ECHO_REQUESTS[icmp]))),
        iif=iif,
        oif=NO_DEVICE,
        mark=PacketMark.of(0),
        connmark=PacketMark.of(0),
        dnat=False,
    )


def _asked(traffic: Traffic, source: SourceAddress) -> SourceAddress | None:
    """Return what is to become of a source; where podnet does not masquerade, that is left to the program that does."""
    return source if traffic.masquerades else None
