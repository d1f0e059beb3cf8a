"""The classes of traffic in a cluster, as one node sees them: packets for each, and what the spec wants of them.

It wants that traffic is accepted, if `forward` is accept; that pods keep their address inside the cluster and are
masqueraded outside of it, if `ip_masq` is enabled; and that what it cares for arrives where it was sent. What a tunnel
brings from a peer it wants to be let in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.desired.model import Desired, Traffic
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link, Vxlan
from netplan.kinds.resource import Resource, Wanted
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address, InterfaceAddress, Prefix
from netplan.netfilter.iptables.operands import AddressMask
from netplan.planning.placement import outsides
from netplan.planning.traffic.peers import FEW, MOST, Alike, Choice, Peers, beyond_pods, choose_by_address, standing_for
from netplan.planning.traffic.probe import TCP, TUNNEL, UDP, Probe, SourceAddress, Way
from netplan.planning.traffic.selection import named_by
from netplan.spec.topology import Node
from netplan.trace import Packet

_KEPT: Final = SourceAddress.KEPT


class Sample(NamedTuple):
    """Which packets stand for the classes: the numbers of two pods in their subnet, a protocol and its ports."""

    pod: int
    neighbour: int
    protocol: int
    port: int


_PAIRS: Final = tuple((Sample(2, 3, protocol, 20000), Sample(-2, -3, protocol, 20001)) for protocol in (TCP, UDP))
"""Of each protocol two packets as little alike as those of one class can be: a rule about both is about the class."""
_TUNNEL_PORTS: Final = (40000, 50001)
"""Two of the source ports that the kernel gives to a tunnel's packets, by a hash of what they carry."""


def probes(desired: Desired, seen: Snapshot | None = None) -> Iterator[Probe]:
    """Return the packets for each class of traffic, of each IP version, as a `Probing` does."""
    return Probing(desired)(seen)


class Probing:
    """Gives the packets for each class of traffic, of each IP version; of many peers, a few stand for all.

    Where the state of the node was seen, the peers that something in it singles out stand for themselves.
    """

    def __init__(self, desired: Desired) -> None:
        self._desired = desired
        routes = _routes(desired.objects)
        self._way = _ways(routes)
        self._peers = [(traffic, Peers(traffic, routes)) for traffic in desired.reported_traffic]
        links = [want.resource for want in desired.objects if isinstance(want.resource, Link)]
        self._tunnels = [link.vxlan for link in links if link.vxlan is not None] if desired.reported_traffic else []
        entries = (want.resource for want in desired.objects if isinstance(want.resource, FdbEntry))
        self._behind = frozenset(entry.dst for entry in entries) if self._tunnels else frozenset()

    def __call__(self, seen: Snapshot | None = None) -> Iterator[Probe]:
        """Return the packets."""
        own = {each.address for traffic in self._desired.reported_traffic for each in traffic.node.addresses}
        named = None if seen is None else named_by(seen, own)
        for traffic, peers in self._peers:
            choice = peers.first if named is None else peers.chosen(named)
            for probe in _chosen(_probes(traffic, choice.nodes), choice, _left(traffic, choice)):
                yield probe._replace(way=self._way(probe.packet.destination)) if probe.peer and probe.wanted else probe
        for tunnel in self._tunnels:
            yield from _tunnelled(self._desired.reported_traffic[0], tunnel, self._behind, named)


def _chosen(found: Iterable[Probe], choice: Choice, left: Iterable[Probe]) -> Iterator[Probe]:
    """Give packets with how many more peers they are about, and those for the peers that are too many to trace."""
    for probe in found:
        yield probe if probe.peer is None else probe._replace(alike=choice.alike.get(probe.peer))
    node, number = choice.left
    for probe in left if node is not None else ():
        yield probe._replace(traced=False, alike=Alike(probe.peer or "", number - 1) if number > 1 else None)


def _left(traffic: Traffic, choice: Choice) -> Iterator[Probe]:
    """Return a packet to the first of the peers that are too many to trace."""
    node = choice.left.node
    if node is not None:
        yield from islice((_of_version(traffic, each) for each in _with_peer(traffic, _PAIRS[0][0], node)), 1)


def _tunnelled(
    traffic: Traffic, tunnel: Vxlan, behind: AbstractSet[Address], named: AbstractSet[AddressMask] | None
) -> Iterator[Probe]:
    """Return the packets by which the peers `behind` send into this node's end of the tunnel: a few stand for all."""
    ends = ((peer.endpoint, peer) for peer in traffic.nodes if peer.endpoint in behind)
    few = list(islice(ends, FEW))
    nodes = tuple(peer for _, peer in few)
    version = traffic.node.address.address.version
    mine = beyond_pods(traffic, (each for each in named or () if each.version == version))
    choice = choose_by_address([*few, *ends], nodes, mine, MOST) if mine else standing_for(nodes, len(behind))
    yield from _chosen(_into_tunnel(traffic, tunnel, choice.nodes), choice, _into_left(traffic, tunnel, choice))


def _into_left(traffic: Traffic, tunnel: Vxlan, choice: Choice) -> Iterator[Probe]:
    return _into_tunnel(traffic, tunnel, () if choice.left.node is None else (choice.left.node,))


def _into_tunnel(traffic: Traffic, tunnel: Vxlan, peers: Iterable[Node]) -> Iterator[Probe]:
    own = traffic.node.address.address
    for peer in peers:
        packet, other = (
            Packet(peer.endpoint, own, UDP, port, tunnel.port, iif=traffic.node.interface) for port in _TUNNEL_PORTS
        )
        yield Probe(TUNNEL, peer.name, packet, None, arrives=True, other=other)


def _probes(traffic: Traffic, peers: Sequence[Node]) -> Iterator[Probe]:
    """Return the packets for each class of traffic, where these peers stand for all."""
    for typical, other in _PAIRS:
        for probe, unlike in zip(_samples(traffic, typical, peers), _samples(traffic, other, peers), strict=True):
            yield _of_version(traffic, probe)._replace(other=unlike.packet)


def _of_version(traffic: Traffic, probe: Probe) -> Probe:
    return probe if traffic.version == 4 else probe._replace(traffic=f"{probe.traffic} (IPv6)")


def _routes(objects: Iterable[Wanted[Resource]]) -> dict[Prefix, Route]:
    """Return the routes that are wanted and lead somewhere, by their prefixes."""
    found = (want.resource for want in objects if isinstance(want.resource, Route))
    return {route.prefix: route for route in found if route.type == "unicast"}


def _ways(routes: Mapping[Prefix, Route]) -> Callable[[Address], Way | None]:
    """Say by which of the routes that are wanted packets to an address should leave."""
    lengths = sorted({(prefix.version, prefix.length) for prefix in routes}, reverse=True)

    def way(address: Address) -> Way | None:
        alike = (length for version, length in lengths if version == address.version)
        found = (routes.get(InterfaceAddress(address, length).prefix) for length in alike)
        return next((Way(route.oif, route.next_hop) for route in found if route is not None), None)

    return way


def _samples(traffic: Traffic, sample: Sample, peers: Iterable[Node]) -> Iterator[Probe]:
    if traffic.subnet.size > 4:
        to_neighbour = _from_pod(traffic, sample, "pod -> pod here", traffic.subnet.host(sample.neighbour), _KEPT)
        yield to_neighbour._replace(source=None)  # what stays on the bridge is left to those who asked for it
    for prefix in traffic.exempt:
        destination = prefix.host(min(1, prefix.size - 1))
        yield _from_pod(traffic, sample, f"pod -> {prefix}", destination, _KEPT)._replace(beyond=True)
    for peer in peers:
        yield from _with_peer(traffic, sample, peer)
    outside = next(outsides(traffic), None)
    if outside is not None:
        there = outside.host(1)
        yield _from_pod(traffic, sample, "pod -> outside", there, SourceAddress.REWRITTEN)._replace(beyond=True)
        yield _to_pod(traffic, sample, "outside -> pod", there)._replace(beyond=True)


def _with_peer(traffic: Traffic, sample: Sample, peer: Node) -> Iterator[Probe]:
    for probe in _between(traffic, sample, peer):
        yield probe._replace(peer=peer.name)


def _between(traffic: Traffic, sample: Sample, peer: Node) -> Iterator[Probe]:
    """Return the classes of traffic between this node and another one; nodes take part that have an address of it."""
    subnet = peer.subnet_of(traffic.version)
    if subnet is None:
        return
    pod = subnet.host(sample.pod)
    here, there = (node.address_of(traffic.version) for node in (traffic.node, peer))
    to_pod = _from_pod(traffic, sample, "pod -> pod", pod, _KEPT)
    yield to_pod
    yield _to_pod(traffic, sample, "pod on peer -> pod here", pod)
    if here is not None and there is not None:
        kept = any(prefix.contains(there.address) for prefix in traffic.kept)
        source = _KEPT if kept else SourceAddress.REWRITTEN
        yield _from_pod(traffic, sample, "pod -> node", there.address, source)
        sent = Packet(here.address, pod, sample.protocol, sample.port, sample.port)
        yield Probe("node -> pod", None, sent, _asked(traffic, _KEPT), traffic.accepts)
    for mark in traffic.respected if sample.protocol == TCP else ():
        marked = replace(to_pod.packet, mark=mark.value)
        yield to_pod._replace(packet=marked, source=None, accepted=False, mark=mark)


def _from_pod(traffic: Traffic, sample: Sample, name: str, destination: Address, source: SourceAddress) -> Probe:
    pod = traffic.subnet.host(sample.pod)
    packet = Packet(pod, destination, sample.protocol, sample.port, sample.port, iif=traffic.node.bridge)
    return Probe(name, None, packet, _asked(traffic, source), traffic.accepts)


def _to_pod(traffic: Traffic, sample: Sample, name: str, source: Address) -> Probe:
    pod = traffic.subnet.host(sample.pod)
    packet = Packet(source, pod, sample.protocol, sample.port, sample.port, iif=traffic.node.interface)
    return Probe(name, None, packet, _asked(traffic, _KEPT), traffic.accepts, arrives=True)


def _asked(traffic: Traffic, source: SourceAddress) -> SourceAddress | None:
    """Return what is to become of a source; where podnet does not masquerade, that is left to the program that does."""
    return source if traffic.masquerades else None
