"""Some packets of a class of traffic that fare alike: which of them is shown, and how it is said which they are."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from netplan.kinds.resource import Json
from netplan.net import Address, IfName, Prefix
from netplan.netfilter.iptables.names import PROTOCOL_NAMES, TCP, UDP
from netplan.planning.traffic.classes import TUNNEL, SourceAddress, TrafficClass
from netplan.planning.traffic.peers import Peers
from netplan.spec.model import Mark
from netplan.trace import Did, Packet, PacketVerdict, Step
from netplan.trace.flow import DESTINATION, SOURCE, Flow, Phase, Various, services
from netplan.trace.intervals import Intervals, contains, join, meet, minus, of_prefix, only, pairs_of, single, size
from netplan.trace.packet import End
from netplan.trace.split import cut
from netplan.trace.table import Way

_POD, _NEIGHBOUR, _PORT, _SOURCE_PORT = 2, 3, 20000, 40000
_FEW: Final = 3
_WAYS: Final = 8
"""Up to so many ways are told apart where packets take another one afterwards."""

_DECIDING: Final = frozenset(
    {
        *(Did.SELECTED_TABLE, Did.REFUSED, Did.KEPT_ADDRESSES, Did.REWROTE_SOURCE, Did.REWROTE_DESTINATION),
        *(Did.UNTRACKED, Did.UNKNOWN),
    }
)


class Probe(NamedTuple):
    """Packets of a class of traffic that fare alike: the one that is shown of them, and what the spec wants of it.

    `source` is None where the spec leaves it to others; where it does not ask for `accepted` either it wants nothing.
    Routes `beyond` the cluster are others'; `way` is the one that the spec wants the packet to take, None if it wants
    none, or at least the `device`, and `ways` counts those that it wants all of them to take. They are of `number`
    peers, of which the first are named; where they are only a part of the class, `ports` and `only` say which. `more`
    kinds of packets are not told. `fault` is what cuts the pods here off from all others, if anything does. What
    `arrives` comes from another host.
    """

    traffic: str
    packet: Packet
    source: SourceAddress | None
    accepted: bool = True
    mark: Mark | None = None
    beyond: bool = False
    way: Way | None = None
    ways: int = 1
    peers: tuple[str, ...] = ()
    number: int = 0
    ports: str = ""
    only: tuple[str, ...] = ()
    more: int = 0
    fault: Step | None = None
    device: str | None = None
    arrives: bool = False

    @property
    def peer(self) -> str | None:
        """The first of the peers."""
        return self.peers[0] if self.peers else None

    @property
    def name(self) -> str:
        """The class of traffic, with the mark that its packets carry, and their protocol if that is not TCP."""
        marked = "" if self.mark is None else f" marked {self.mark}"
        protocol = "" if self.packet.protocol == TCP and not self.ports else self.ports
        return f"{self.traffic}{marked}{protocol}"

    @property
    def title(self) -> str:
        """The class of traffic with the first of the peers, and the part of it that these packets are."""
        more = [f"{self.number - len(self.peers)} more"] if self.number > len(self.peers) else []
        peers = ", ".join((*self.peers, *more))
        limits = f", only {', '.join(self.only)}" if self.only else ""
        named = self.name.replace("peer", peers) if "peer" in self.name else f"{self.name} on {peers}"
        return (named if peers else self.name) + limits

    @property
    def tunnelled(self) -> bool:
        """Whether the packets are a tunnel's own, which no policy is about: pods are not seen in them."""
        return self.traffic in TUNNEL

    @property
    def wanted(self) -> bool:
        """Whether the spec wants anything of this traffic."""
        return self.accepted or self.source is not None

    def wanted_json(self) -> Json | None:
        """Return what is wanted as JSON values, None if nothing; a source is an address, or `rewritten`."""
        if not self.wanted:
            return None
        source = str(self.packet.source) if self.source is SourceAddress.KEPT else self.source
        return {
            "verdict": PacketVerdict.ACCEPT.value if self.accepted else None,
            "source": None if source is None else str(source),
            "destination": str(self.packet.destination),
            **({} if self.way is None else self.way.to_json()),
            **({} if self.device is None else {"oif": self.device}),
        }


def probe_of(traffic: TrafficClass, parts: Sequence[Flow]) -> Probe:
    """Return packets of a class with the one that is shown: of the largest part a usual one, if there is one."""
    flow = max(parts, key=lambda part: part.packets)
    far = flow.source if traffic.arrives else flow.destination
    near = flow.destination if traffic.arrives else flow.source
    near_address = _usual(near, near[0] & ~0xFF, _POD)
    far_address = _far(traffic, minus(far, only(near_address)) or far)
    source, destination = (far_address, near_address) if traffic.arrives else (near_address, far_address)
    version = flow.version
    protocol = TCP if meet(flow.service, services([TCP])) else UDP
    likes = Packet(Address(version, source), Address(version, destination), protocol, _SOURCE_PORT, _PORT)
    packet = Packet.first_of(flow, likes)
    way = traffic.peers.way_to(packet.destination) if traffic.wanted else None
    probe = Probe(traffic.traffic, packet, traffic.source, traffic.accepted, traffic.mark, traffic.beyond, way)
    return probe._replace(device=traffic.device, arrives=traffic.arrives)


def _far(traffic: TrafficClass, addresses: Intervals) -> int:
    """Choose an address at the other end: of a peer's subnet the one of its first pod."""
    place = traffic.peers.place_of(Address(traffic.packets.version, addresses[0]))
    own = not traffic.peers.places and not traffic.beyond
    start = addresses[0] & ~0xFF if own else addresses[0] if place is None else place.value
    single = place is not None and place.size == 1
    return _usual(addresses, start, 0 if single else _NEIGHBOUR if own else 1 if place is None else _POD)


def _usual(addresses: Intervals, start: int, number: int) -> int:
    return start + number if contains(addresses, start + number) else addresses[0]


def probes_by_way(traffic: TrafficClass, parts: Sequence[Flow]) -> Iterator[tuple[Probe, list[Flow]]]:
    """Divide packets by the ways that they should take, unless these are many."""
    far = _all(parts, DESTINATION.name)
    number = traffic.peers.number_of_ways
    if number > _WAYS and traffic.peers.named(far, 1).number > _WAYS:
        yield probe_of(traffic, parts)._replace(ways=number), list(parts)
        return
    ways = [
        (way, split)
        for way, addresses in traffic.peers.by_way(far).items()
        if (split := [inside for part in parts for inside in cut(part, DESTINATION, addresses).inside])
    ]
    if not 1 < len(ways) <= _WAYS:
        yield probe_of(traffic, parts)._replace(ways=max(len(ways), 1)), list(parts)
        return
    for _, split in ways:
        yield probe_of(traffic, split), split


def largest(traffic: TrafficClass, kinds: Sequence[Sequence[Flow]]) -> set[int]:
    """Return which of some packets of a class are the most of each of its protocols."""
    protocols = [number for number in (TCP, UDP) if meet(traffic.packets.service, services([number]))]
    return {
        max(range(len(kinds)), key=lambda at: sum(_count(part, protocol) for part in kinds[at]))
        for protocol in protocols
        if kinds
    }


def _count(flow: Flow, protocol: int) -> int:
    share = size(meet(flow.service, services([protocol])))
    return flow.packets // size(flow.service) * share


def described(probe: Probe, traffic: TrafficClass, parts: Sequence[Flow]) -> Probe:
    """Return packets with the peers that they are of, and with what else tells them from others of their class."""
    near, far = (DESTINATION.name, "source") if traffic.arrives else ("source", DESTINATION.name)
    service, near_addresses, far_addresses = (_all(parts, name) for name in ("service", near, far))
    limits = [*_limit("to" if traffic.arrives else "from", near_addresses, getattr(traffic.packets, near), traffic)]
    wanted = getattr(traffic.packets, far)
    peers: tuple[str, ...] = ()
    number = 0
    if traffic.peers.places:
        named = traffic.peers.named(far_addresses, _FEW)
        peers, number, wanted = named.names, named.number, meet(wanted, named.addresses)
    if not traffic.beyond:
        limits += _limit("from" if traffic.arrives else "to", far_addresses, wanted, traffic)
    ports = _ports(service, traffic.packets.service, probe.packet.protocol or TCP)
    return probe._replace(peers=peers, number=number, ports=ports, only=tuple(limits))


def _all(parts: Iterable[Flow], name: str) -> Intervals:
    numbers: Intervals = ()
    for part in parts:
        numbers = join(numbers, getattr(part, name))
    return numbers


def _limit(word: str, addresses: Intervals, every: Intervals, traffic: TrafficClass) -> Iterator[str]:
    """Say which addresses these are, if they are not all that there are."""
    if traffic.beyond or not minus(every, addresses):
        return
    spans = [_span(traffic.packets.version, *pair) for pair in pairs_of(addresses)]
    more = f" and {len(spans) - _FEW + 1} more" if len(spans) > _FEW else ""
    yield f"{word} {', '.join(spans[: _FEW - 1 if more else _FEW])}{more}"


def _span(version: int, first: int, last: int) -> str:
    """Write addresses: one by itself, a whole prefix as such, else the first and the last."""
    length = (last - first + 1).bit_length() - 1
    prefix = Prefix(version, first, (32 if version == 4 else 128) - length)
    if first == last:
        return str(prefix.address)
    return (
        str(prefix)
        if of_prefix(prefix.within(prefix.length)) == (first, last)
        else f"{prefix.address}-{Address(version, last)}"
    )


def _ports(service: Intervals, every: Intervals, protocol: int) -> str:
    """Name the protocol of packets, unless it is TCP or both, and their ports, unless they are all."""
    mine, whole = (meet(numbers, services([protocol])) for numbers in (service, every))
    name = PROTOCOL_NAMES.get(protocol, str(protocol))
    if mine != whole:
        spans = [
            f"{first & 0xFFFF}" if first == last else f"{first & 0xFFFF}-{last & 0xFFFF}"
            for first, last in pairs_of(mine)
        ]
        more = f" and {len(spans) - _FEW} more" if len(spans) > _FEW else ""
        return f" ({name} {','.join(spans[:_FEW])}{more})"
    return "" if protocol == TCP else f" ({name})"


def told_apart(end: End, peers: Peers) -> Iterator[tuple[Flow, Hashable]]:
    """Divide the packets of an end by whether they are where they should be, and say what they have in common."""
    flow = end.flow
    steps = tuple(dict.fromkeys(step.at for step in end.trail if step.did in _DECIDING or not step.certain))
    key = (end.verdict, flow.new_source, flow.new_destination, flow.oif, flow.next_hop, steps, end.phase)
    arrived = end.verdict is PacketVerdict.ACCEPT and end.phase is Phase.FIRST
    for part, kept in _by_address(flow):
        for there, astray in _by_way(part, peers, arrived=arrived):
            yield there, (*key, kept, astray)


def _by_address(flow: Flow) -> Iterator[tuple[Flow, bool]]:
    """Divide packets by whether NAT gave them the addresses that they had."""
    parts = [flow]
    for field in (SOURCE, DESTINATION):
        value = single(getattr(flow, field.new))
        if value is not None:
            splits = [cut(part, field, only(value), original=True) for part in parts]
            yield from ((part, True) for split in splits for part in split.inside)
            parts = [part for split in splits for part in split.outside]
    yield from ((part, False) for part in parts)


def _by_way(flow: Flow, peers: Peers, *, arrived: bool) -> Iterator[tuple[Flow, bool]]:
    """Divide packets by whether they leave by another way than the one that is wanted."""
    if flow.next_hop is Various.WANTED or not arrived or not peers.ways:
        yield flow, False
    elif flow.next_hop is Various.OTHERS:
        yield flow, True
    else:
        hop = flow.next_hop if isinstance(flow.next_hop, Address) else None
        oif = None if flow.oif is None else IfName(flow.oif)
        split = cut(flow, DESTINATION, peers.reached_by(Way(oif, hop)), original=True)
        yield from ((part, False) for part in split.inside)
        yield from ((part, True) for part in split.outside)
