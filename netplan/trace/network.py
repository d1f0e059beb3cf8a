"""Follow packets from node to node, as sets: out of one by device and next hop, into the one that holds that address.

What routers outside of the cluster do is taken to be this: they carry packets between the addresses by which nodes know
each other, and give answers the address that was asked. Whether they know of pods is not known.
A path MTU error is followed from the last node but one, which is told that its packets are too big.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.net import Address
from netplan.trace.addresses import LOOPBACK
from netplan.trace.arrival import Arrival, moved_by, received, recognised, tracked, untracked
from netplan.trace.connection import may_be_followed
from netplan.trace.firewall.targets import Did
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import DESTINATION, FIELDS, NO_DEVICE, SOURCE, Field, Flow, Phase
from netplan.trace.intervals import meet, only
from netplan.trace.journey import Ending, Hop, Journey, Leg, Visit, Walk
from netplan.trace.packet import PacketVerdict
from netplan.trace.tunnel import Frames, framed, tunnel_of, unframed
from netplan.trace.underlay import Host, Receiver, Underlay

_MOST_HOPS: Final = 64
"""As many as the TTL of packets allows."""
_MOST_WALKS: Final = 10_000


class _Place(NamedTuple):
    """Packets between nodes: the part of all connections that they are, and how they came there."""

    part: Flow
    hops: tuple[Hop, ...] = ()
    visits: tuple[Visit, ...] = ()
    moved: frozenset[Field] = frozenset()

    def through(self, hop: Hop) -> _Place:
        """Return the place with another last hop."""
        return self._replace(hops=(*self.hops[:-1], hop))


class Network:
    """Follows packets over the nodes of a cluster."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        hosts = tuple(hosts)
        self.hosts: Final = {host.name: host for host in hosts}
        self.underlay: Final = Underlay(hosts)
        self._carried: dict[tuple[Flow, str], list[Walk]] = {}

    def follow(self, flow: Flow, at: str) -> list[Journey]:
        """Say what becomes of the connections that packets open which come in at a node, or which it sends.

        Of several journeys of the same packets each is one that can't be ruled out.
        """
        return [journey for walk in self._first(flow, at) for journey in self._followed(walk)]

    def _first(self, flow: Flow, at: str) -> list[Walk]:
        trip = _Trip(self, Phase.FIRST)
        return list(trip.entered(self.hosts[at], untracked(flow, frozenset(), flow), _Place(flow)))

    def carried(self, flow: Flow, at: str) -> list[Walk]:
        """Return the ways of a tunnel's packets that a node sends, one for each end that they may come to.

        Those that are led into the tunnel again get nowhere.
        """
        key = (flow, at)
        if key not in self._carried:
            self._carried[key] = [Walk(flow, (), PacketVerdict.DROP, Ending.LOOP, at)]
            ends = {(walk.verdict, walk.ending, walk.ended): walk for walk in reversed(self._first(flow, at))}
            self._carried[key] = list(reversed(ends.values()))
        return self._carried[key]

    def public_address_of(self, visits: Sequence[Visit]) -> Address | None:
        """Return the public address by which packets came to the last of some nodes, None if by its own."""
        if len(visits) < 2:
            return None
        before, last = visits[-2:]
        public = self.hosts[last.host].public_address
        sent, came = before.end.flow.to_address, last.came.to_address
        return public if sent == public != came else None

    def _followed(self, first: Walk) -> Iterator[Journey]:
        """Follow what comes after first packets, as `connection.followed` does on one node."""
        arrived = [Journey(first.part, (Leg(Phase.FIRST, first),))]
        for phase in (Phase.LATER, Phase.REPLY, Phase.ERROR) if _may_be_followed(first) else ():
            here, arrived = arrived, []
            for journey in here:
                for after in self._after(first, journey, phase):
                    if after.phase is Phase.FIRST:
                        arrived.append(after)
                    else:
                        yield after
        yield from arrived

    def _after(self, first: Walk, journey: Journey, phase: Phase) -> list[Journey]:
        """Return what becomes of connections by what becomes of their packets of a phase."""
        walks = list(self._following(first, journey.flow, phase))
        if all(self._arrives(first, walk, phase) for walk in walks):
            legs = (Leg(phase, walk) for walk in walks[:1])
            return [replace(journey, legs=(*journey.legs, *legs))]
        return [
            Journey(
                walk.part,
                (*journey.legs, Leg(phase, walk)),
                Phase.FIRST if self._arrives(first, walk, phase) else phase,
            )
            for walk in walks
        ]

    def _following(self, first: Walk, part: Flow, phase: Phase) -> Iterator[Walk]:
        """Return the ways of packets that follow: they start where the first did, or where these ended."""
        last = len(first.visits) - 1
        start = {Phase.LATER: 0, Phase.REPLY: last, Phase.ERROR: max(last - 1, 0)}[phase]
        visit = first.visits[start]
        trip = _Trip(self, phase, first.visits)
        for arrival in tracked(phase, visit, part):
            yield from trip.entered(self.hosts[visit.host], arrival, _Place(part))

    def _arrives(self, first: Walk, walk: Walk, phase: Phase) -> bool:
        """Whether what follows comes to where it should, with the addresses that it should have.

        Replies to the outside may leave the cluster elsewhere than the first packets came in.
        """
        if not walk.arrived:
            return False
        start, last = first.hops[0], walk.hops[-1]
        if not phase.back:
            return (walk.ended, walk.ending, last.oif) == (first.ended, first.ending, first.hops[-1].oif)
        outside = start.iif not in (None, self.hosts[start.host].bridge)
        back = (last.host, last.oif) == (start.host, start.iif or LOOPBACK)
        return not walk.moved and (back or (outside and walk.ending is Ending.OUTSIDE))


class _Trip:
    """Packets of one phase on their way; `visits` are those of the first packets of their connections."""

    def __init__(self, network: Network, phase: Phase, visits: tuple[Visit, ...] = ()) -> None:
        self._network = network
        self._phase = phase
        self._visits = visits
        self._public = network.public_address_of(visits) if phase.back else None
        self._walks = 0

    def entered(self, host: Host, arrival: Arrival, place: _Place) -> Iterator[Walk]:
        """Follow packets that a node receives or sends."""
        self._walks += 1
        ending = self._stopped(host, arrival.packets, place)
        if ending is not None:
            verdict = PacketVerdict.DROP if ending is Ending.LOOP else PacketVerdict.UNKNOWN
            yield _ended(place, verdict, ending, host.name)
            return
        for end in host.tracer.ends(arrival.packets) if host.tracer is not None else ():
            visit = Visit(host.name, arrival.packets, end, arrival.moved)
            hops = (*place.hops, Hop(host.name, arrival.packets, end))
            visits = (*place.visits, visit) if self._phase is Phase.FIRST else ()
            moved = arrival.moved | moved_by(end.flow, back=self._phase.back)
            for part in arrival.regions(end.flow):
                yield from self._left(host, _Place(part, hops, visits, moved))

    def _stopped(self, host: Host, packets: Flow, place: _Place) -> Ending | None:
        if host.state is None:
            return Ending.UNRECORDED
        before = [hop.came for hop in place.hops if (hop.host, hop.iif) == (host.name, packets.iif)]
        if any(_alike(packets, other) for other in before) or len(place.hops) >= _MOST_HOPS:
            return Ending.LOOP
        return Ending.BOUND if self._walks > _MOST_WALKS else None

    def _left(self, host: Host, place: _Place) -> Iterator[Walk]:
        """Follow packets as a node lets them go."""
        verdict, flow = place.hops[-1].end[:2]
        link = None if host.state is None else tunnel_of(host.state, flow.oif)
        if verdict is not PacketVerdict.ACCEPT:
            yield _ended(place, verdict, Ending.STOPPED, host.name)
        elif flow.oif == LOOPBACK:
            yield _ended(place, verdict, Ending.NODE, host.name)
        elif flow.oif == host.bridge and flow.next_hop is None:
            yield _ended(place, verdict, Ending.POD, host.name)
        elif host.state is not None and link is not None:
            for packets, frames in framed(host.state, link, flow):
                for at in self._within(packets, place):
                    yield from self._tunnelled(host, frames, packets, at)
        else:
            yield from self._sent(host, flow, place)

    def _tunnelled(self, host: Host, frames: Frames | Step, packets: Flow, place: _Place) -> Iterator[Walk]:
        """Follow packets through a tunnel."""
        if isinstance(frames, Step):
            yield _lost(place, frames, host.name)
            return
        for walk in self._network.carried(frames.outer, host.name):
            carrying = place.through(replace(place.hops[-1], carried=walk.hops))
            if walk.ending is Ending.NODE and walk.ended is not None:
                yield from self._unpacked(self._network.hosts[walk.ended], frames, packets, carrying)
            else:
                yield _ended(carrying, walk.verdict, walk.ending, walk.ended)

    def _unpacked(self, peer: Host, frames: Frames, packets: Flow, place: _Place) -> Iterator[Walk]:
        """Follow packets out of those which carried them to a peer."""
        link = unframed(peer.state, frames)
        hop = place.hops[-1]
        if isinstance(link, Step):
            (*before, last) = hop.carried
            carried = (*before, _with_step(last, link))
            yield _ended(place.through(replace(hop, carried=carried)), _verdict(link), Ending.STOPPED, peer.name)
        else:
            yield from self._received(Receiver(peer, link.name), packets, place)

    def _sent(self, host: Host, flow: Flow, place: _Place) -> Iterator[Walk]:
        """Follow packets on the networks between nodes."""
        packets = received(flow, NO_DEVICE)
        for part, onwards in self._network.underlay.onwards(host, flow.oif or "", flow.next_hop, packets):
            for at in self._within(part, place):
                if isinstance(onwards, Step):
                    yield _lost(at, onwards, host.name)
                elif onwards is None:
                    yield _ended(at, PacketVerdict.ACCEPT, Ending.OUTSIDE, None)
                else:
                    yield from self._received(onwards, part, at)

    def _received(self, receiver: Receiver, packets: Flow, place: _Place) -> Iterator[Walk]:
        """Follow packets into a node, which knows their connection if it let the first ones through."""
        came = replace(packets, iif=receiver.device)
        if receiver.translated is not None:
            came = replace(came, destination=only(receiver.translated.value))
            place = place._replace(moved=place.moved | {SOURCE if self._phase.back else DESTINATION})
        elif receiver.routed and self._public is not None:
            came = replace(came, source=only(self._public.value))
            place = place._replace(moved=place.moved - {DESTINATION})
        for arrival in self._arrivals(receiver.host, came, place):
            yield from self.entered(receiver.host, arrival, place)

    def _arrivals(self, host: Host, came: Flow, place: _Place) -> list[Arrival]:
        visits = [visit for visit in self._visits if visit.host == host.name]
        for visit in sorted(visits, key=lambda visit: _device(visit, self._phase) == came.iif, reverse=True):
            arrivals = [one for one in tracked(self._phase, visit, place.part) if recognised(one, came)]
            if arrivals:
                return [one._replace(packets=replace(one.packets, iif=came.iif)) for one in arrivals]
        return [untracked(came, place.moved, place.part)]

    def _within(self, packets: Flow, place: _Place) -> list[_Place]:
        """Return the part of all connections that packets to some of the destinations are."""
        field = SOURCE if self._phase.back else DESTINATION
        if field in place.moved:
            return [place]
        addresses = meet(getattr(place.part, field.name), packets.destination)
        return [place._replace(part=replace(place.part, **{field.name: addresses}))] if addresses else []


def _may_be_followed(first: Walk) -> bool:
    visits = first.visits
    local = len(visits) == 1 and not may_be_followed(visits[0].came, visits[0].end)
    return first.arrived and bool(visits) and not local


def _device(visit: Visit, phase: Phase) -> str | None:
    return visit.end.flow.oif if phase.back else visit.came.iif


def _alike(one: Flow, other: Flow) -> bool:
    """Whether packets are some of others."""
    met = ((meet(getattr(one, field.name), getattr(other, field.name)), getattr(one, field.name)) for field in FIELDS)
    return all(both == here for both, here in met)


def _ended(place: _Place, verdict: PacketVerdict, ending: Ending, host: str | None) -> Walk:
    return Walk(place.part, place.hops, verdict, ending, host, place.visits, place.moved)


def _lost(place: _Place, step: Step, host: str) -> Walk:
    ending = Ending.ROUTER if step.at == "router" else Ending.STOPPED
    return _ended(place.through(_with_step(place.hops[-1], step)), _verdict(step), ending, host)


def _with_step(hop: Hop, step: Step) -> Hop:
    return replace(hop, end=hop.end._replace(trail=(*hop.end.trail, step)))


def _verdict(step: Step) -> PacketVerdict:
    return PacketVerdict.DROP if step.did is Did.REFUSED else PacketVerdict.UNKNOWN
