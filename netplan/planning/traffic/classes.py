"""The classes of traffic in a cluster, as one node sees them: sets of packets, and what the spec wants of them.

It wants that traffic is accepted, if `forward` is accept; that pods keep their address inside the cluster and are
masqueraded outside of it, if `ip_masq` is enabled; and that what it cares for arrives where it was sent. What a tunnel
brings from a peer it wants to be let in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.model import Desired, Traffic
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link, Vxlan
from netplan.kinds.resource import Change, Resource
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import BITS, Prefix
from netplan.netfilter.iptables.names import TCP, UDP
from netplan.planning.traffic.peers import Peers
from netplan.spec.model import Mark
from netplan.trace import Flow
from netplan.trace.flow import NO_DEVICE, services
from netplan.trace.flow import Mark as PacketMark
from netplan.trace.intervals import Intervals, meet, minus, of_prefix, of_prefixes, only, union
from netplan.trace.table import Way

TUNNEL: Final = "tunnel from peer"
_TUNNEL_PORTS: Final = (32768, 60999)
"""The source ports that the kernel gives to a tunnel's packets, by a hash of what they carry."""

_NOT_PUBLIC: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/3",),
)
"""Addresses that are no host's on the internet (RFC 6890): what becomes of packets to them is a matter of the place."""

_OUTSIDE: Final[dict[int, Intervals]] = {
    4: minus((0, 0xFFFFFFFF), of_prefixes(map(Prefix.parse, _NOT_PUBLIC))),
    6: minus(
        of_prefix(Prefix.parse("2000::/3")), of_prefixes(map(Prefix.parse, ("2001::/23", "2001:db8::/32", "3fff::/20")))
    ),
}


_REPRESENTATIVES: Final = 4
"""How many subnets that are given up stand for all."""


class SourceAddress(StrEnum):
    """What is to become of a packet's source address."""

    KEPT = "kept"
    REWRITTEN = "rewritten"


_KEPT: Final = SourceAddress.KEPT
_NOBODY: Final = Peers()


class TrafficClass(Struct, frozen=True):
    """A class of traffic: the packets as they come in or are sent, and what the spec wants of them.

    `source` is None where the spec leaves it to others; where it does not ask for `accepted` either it wants nothing.
    What `arrives` comes from another host, by the device that leads there: `packets` has the one of the spec. Routes
    `beyond` the cluster are others', and so are rules about a part of what is there. `peers` are those that packets
    come from, or go to. `bridge` is the device of the pods here that take part, with the address that it should have.
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

    @property
    def wanted(self) -> bool:
        """Whether the spec wants anything of this traffic."""
        return self.accepted or self.source is not None


def classes_of(desired: Desired) -> tuple[TrafficClass, ...]:
    """Return the classes of traffic of each IP version."""
    routes = [want.resource for want in desired.objects if isinstance(want.resource, Route)]
    ways: dict[int, dict[Prefix, Way]] = {4: {}, 6: {}}
    for route in (route for route in routes if route.type == "unicast"):
        ways[route.prefix.version][route.prefix] = Way(route.oif, route.next_hop)
    classes: list[TrafficClass] = []
    for traffic in desired.reported_traffic:
        classes += _classes(traffic, ways[traffic.version])
    links = [want.resource for want in desired.objects if isinstance(want.resource, Link)]
    tunnels = [link.vxlan for link in links if link.vxlan is not None] if desired.reported_traffic else []
    for tunnel in tunnels:
        classes += _tunnelled(desired, tunnel)
    return tuple(one for one in classes if one.packets.source and one.packets.destination)


def flows_of(classes: Iterable[TrafficClass]) -> frozenset[Flow]:
    """Return the packets of classes; by which device those come in that arrive is not known before routes are read."""
    return frozenset(replace(traffic.packets, iif=None) if traffic.arrives else traffic.packets for traffic in classes)


def _classes(traffic: Traffic, ways: dict[Prefix, Way]) -> Iterator[TrafficClass]:
    for one in _of_traffic(traffic, ways):
        yield one if traffic.version == 4 else replace(one, traffic=f"{one.traffic} (IPv6)")


def _of_traffic(traffic: Traffic, ways: dict[Prefix, Way]) -> Iterator[TrafficClass]:
    pods = pods_of(traffic.subnet)
    to_neighbour = _from_pod(traffic, "pod -> pod here", pods, _KEPT)
    if traffic.subnet.size > 4:  # what stays on the bridge is left to those who asked for it
        yield replace(to_neighbour, source=None)
    for prefix in traffic.exempt:
        others = minus(of_prefix(prefix), of_prefix(traffic.network))
        yield replace(_from_pod(traffic, f"pod -> {prefix}", others, _KEPT), beyond=True)
    yield from _with_peers(traffic, ways)
    outside = minus(_OUTSIDE[traffic.version], of_prefixes((traffic.network, *traffic.kept)))
    outside = minus(outside, _addresses(traffic))
    yield replace(_from_pod(traffic, "pod -> outside", outside, SourceAddress.REWRITTEN), beyond=True)
    yield replace(_to_pod(traffic, "outside -> pod", outside), beyond=True)


def pods_of(subnet: Prefix) -> Intervals:
    """Return the addresses that pods of a node may have: not the bridge's, and not those of the subnet itself."""
    hosts = minus(of_prefix(subnet), (subnet.value, subnet.value + 1))
    return minus(hosts, only(subnet.value + subnet.size - 1)) if subnet.version == 4 and subnet.size > 2 else hosts


def _addresses(traffic: Traffic) -> Intervals:
    """Return the addresses of all nodes."""
    addresses = (
        own.address for node in traffic.nodes for own in node.addresses if own.address.version == traffic.version
    )
    return union((address.value, address.value) for address in addresses)


def _alone(version: int, value: int) -> Prefix:
    return Prefix(version, value, BITS[version])


def _with_peers(traffic: Traffic, ways: dict[Prefix, Way]) -> Iterator[TrafficClass]:
    """Return the classes of traffic between this node and others; nodes take part that have an address of it."""
    version = traffic.version
    others = [node for node in traffic.nodes if node.name != traffic.node.name]
    subnets = [(subnet, node.name) for node in others for subnet in node.subnets if subnet.version == version]
    peers = Peers.of(subnets, ways)
    to_pod = replace(_from_pod(traffic, "pod -> pod", peers.addresses, _KEPT), peers=peers)
    yield to_pod
    yield _to_pod(traffic, "pod on peer -> pod here", peers.addresses, peers)
    for here in (own for own in traffic.node.addresses if own.address.version == version):
        names = {name for _, name in subnets}
        addressed = [
            (own.address, node.name)
            for node in others
            for own in node.addresses
            if own.address.version == version and node.name in names
        ]
        nodes = Peers.of(((_alone(version, address.value), name) for address, name in addressed), ways)
        kept = of_prefixes(traffic.kept)
        for addresses, source in (
            (meet(nodes.addresses, kept), _KEPT),
            (minus(nodes.addresses, kept), SourceAddress.REWRITTEN),
        ):
            yield replace(_from_pod(traffic, "pod -> node", addresses, source), peers=nodes)
        names = {name for _, name in addressed}
        reached = (
            Peers.of((place for place in subnets if place[1] in names), ways) if len(names) < len(subnets) else peers
        )
        sent = Flow(version, only(here.address.value), reached.addresses)
        yield TrafficClass(
            "node -> pod", first_packets(sent, NO_DEVICE), _asked(traffic, _KEPT), traffic.accepts, peers=reached
        )
    for mark in traffic.respected:
        packets = replace(to_pod.packets, service=services([TCP]), mark=PacketMark.of(mark.value))
        yield replace(to_pod, packets=packets, source=None, accepted=False, mark=mark)


def _tunnelled(desired: Desired, tunnel: Vxlan) -> Iterator[TrafficClass]:
    """Return the packets by which peers send into this node's end of the tunnel."""
    traffic = desired.reported_traffic[0]
    entries = (want.resource for want in desired.objects if isinstance(want.resource, FdbEntry))
    behind = {entry.dst for entry in entries}
    ends = [(node.endpoint, node.name) for node in traffic.nodes if node.endpoint in behind]
    peers = Peers.of((_alone(address.version, address.value), name) for address, name in ends)
    own = traffic.node.address.address
    packets = Flow(own.version, peers.addresses, only(own.value), _TUNNEL_PORTS)
    packets = first_packets(packets, traffic.node.interface, services([UDP], only(tunnel.port)))
    yield TrafficClass(TUNNEL, packets, None, arrives=True, peers=peers)


def _from_pod(traffic: Traffic, name: str, destination: Intervals, source: SourceAddress) -> TrafficClass:
    flow = Flow(traffic.version, pods_of(traffic.subnet), destination)
    packets = first_packets(flow, traffic.node.bridge)
    return TrafficClass(name, packets, _asked(traffic, source), traffic.accepts, bridge=_bridge(traffic))


def _to_pod(traffic: Traffic, name: str, source: Intervals, peers: Peers = _NOBODY) -> TrafficClass:
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
    """Return packets as the first ones of connections, that come in by a device, or have none."""
    return replace(
        flow,
        service=service or services([TCP, UDP]),
        iif=iif,
        oif=NO_DEVICE,
        mark=PacketMark.of(0),
        connmark=PacketMark.of(0),
        dnat=False,
    )


def _asked(traffic: Traffic, source: SourceAddress) -> SourceAddress | None:
    """Return what is to become of a source; where podnet does not masquerade, that is left to the program that does."""
    return source if traffic.masquerades else None


def parted(desired: Desired, changes: Iterable[Change[Resource]], state: Snapshot) -> Iterator[TrafficClass]:
    """Return the packets from pods here to subnets whose routes of ours go; the first few stand for all.

    The spec wants nothing of them. The pods are of the bridge's prefix: the spec may have dropped its IP version.
    """
    routes = (change.before for change in changes if isinstance(change.before, Route) and change.after is None)
    left = [route.prefix for route in routes if _led(route)]
    if not left:
        return
    known = {subnet for traffic in desired.reported_traffic for node in traffic.nodes for subnet in node.subnets}
    lost = [prefix for prefix in left if prefix not in known]
    for own in _bridged(desired, state):
        for prefix in islice((prefix for prefix in lost if prefix.version == own.version), _REPRESENTATIVES):
            packets = first_packets(Flow.between(own, prefix), desired.reported_traffic[0].bridge)
            yield TrafficClass(f"pod -> {prefix}", replace(packets, source=pods_of(own)), None, accepted=False)


def _led(route: Route) -> bool:
    return route.ours and route.table == MAIN_TABLE and route.type == "unicast" and route.prefix.size > 4


def _bridged(desired: Desired, state: Snapshot) -> Iterator[Prefix]:
    """Return one prefix of the pods' bridge for each IP version that it has an address of."""
    bridge = desired.reported_traffic[0].bridge
    prefixes = (own.address.prefix for own in state.all(LinkAddress) if own.link == bridge)
    one = {prefix.version: prefix for prefix in prefixes if prefix.size > 4}
    yield from one.values()
