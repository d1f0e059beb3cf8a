"""What a plan does to traffic: each class, traced before and after, in parts of which the same is told."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.resource import Json
from netplan.kinds.snapshot import Snapshot
from netplan.net import Prefix
from netplan.planning.traffic.classes import TO_NODE, TrafficClass
from netplan.planning.traffic.judge import (
    Fares,
    by_way_of,
    culprit,
    fares_of,
    fate,
    fault_of,
    said,
    strays,
    whose,
    works,
)
from netplan.planning.traffic.probe import Probe, described, largest, probe_of, probes_by_way, told_apart
from netplan.trace import Packet, PacketVerdict, Step, Trace, Tracer
from netplan.trace.connection import arrival
from netplan.trace.flow import FIELDS, NO_DEVICE, Flow
from netplan.trace.intervals import minus, single
from netplan.trace.packet import End
from netplan.trace.split import cells, coalesced, common
from netplan.trace.table import Way

_MOST: Final = 8
"""How many kinds of packets of a class are told."""


class TrafficEffect(Struct, frozen=True, dict=True):
    """What becomes of a class of traffic before and after a plan; `blame` is what makes it wrong before."""

    probe: Probe
    before: Trace
    after: Trace

    @property
    def changed(self) -> bool:
        """Whether the plan makes a difference to this traffic."""
        return self.before.to_json(steps=False) != self.after.to_json(steps=False)

    @cached_property
    def broken(self) -> bool:
        """Whether this traffic does for certain not fare as the spec wants it before the plan."""
        return fares_of(self.before, self.probe) is Fares.BROKEN

    @cached_property
    def fares(self) -> Fares:
        """How this traffic will fare after the plan."""
        return fares_of(self.after, self.probe)

    @property
    def stays_broken(self) -> bool:
        """Whether this traffic will for certain not fare as the spec wants it after the plan either."""
        return self.fares is Fares.BROKEN

    @property
    def opens(self) -> bool:
        """Whether the plan lets in to the node itself what is refused before it."""
        refused = self.before.verdict in (PacketVerdict.DROP, PacketVerdict.REJECT)
        return self.probe.traffic.startswith(TO_NODE) and refused and self.after.verdict is PacketVerdict.ACCEPT

    @property
    def breaks(self) -> bool:
        """Whether this traffic certainly works before the plan, and certainly not, or not as wanted, after it."""
        lost = not works(self.after, self.probe) or fares_of(self.before, self.probe) is Fares.WELL
        return works(self.before, self.probe) and self.stays_broken and lost

    @property
    def doubted(self) -> bool:
        """Whether this traffic certainly works before the plan, and it is unknown how it will fare."""
        return works(self.before, self.probe) and self.fares is Fares.UNKNOWN

    @property
    def blame(self) -> Step | None:
        """The step that makes the traffic fare otherwise than it should, or leaves that open, before the plan."""
        return None if fares_of(self.before, self.probe) is Fares.WELL else culprit(self.before, self.probe)

    @property
    def after_blame(self) -> Step | None:
        """The same after the plan."""
        return None if self.fares is Fares.WELL else culprit(self.after, self.probe)

    @property
    def words(self) -> tuple[str, str]:
        """How the traffic fares before and after, in a few words; the next hop where that is all that differs."""
        before, after = self._fates
        if self.names_hops:
            return f"{before}, {by_way_of(self.before)}", by_way_of(self.after) + " and others" * (self.probe.ways > 1)
        return f"works now ({before})" if self.breaks else before, after

    @property
    def names_hops(self) -> bool:
        """Whether the next hop is all that differs."""
        before, after = self._fates
        accepted = self.before.verdict is self.after.verdict is PacketVerdict.ACCEPT
        return before == after and accepted and self.before.next_hop != self.after.next_hop

    @property
    def _fates(self) -> tuple[str, str]:
        astray = strays(self.after, self.probe)
        return fate(self.before, self.probe, astray=astray), fate(self.after, self.probe, astray=astray)

    def to_json(self) -> Json:
        """Return the effect as JSON values; `source` of what is wanted is an address, or `rewritten`."""
        return {
            "class": self.probe.name,
            "peer": self.probe.peer,
            "before": self.before.to_json(steps=False),
            "after": self.after.to_json(steps=False),
            "wanted": self.probe.wanted_json(),
            "broken": self.broken,
            "blame": None if self.blame is None else said(self.blame),
            "stays_broken": self.stays_broken,
            "after_blame": None if self.after_blame is None else said(self.after_blame),
        }


_Kind: TypeAlias = tuple[TrafficEffect, list[Flow]]
"""What is told of some packets, and these."""


def effects(classes: Iterable[TrafficClass], before: Snapshot, after: Snapshot) -> tuple[TrafficEffect, ...]:
    """Trace every class of traffic through a node's state before and after a plan, and tell of the parts of each."""
    classes = tuple(one for one in classes if one.bridge is None or not has_no_pods(one.bridge, after))
    ways: dict[Prefix, Way] = {}
    for known in {id(traffic.peers.ways): traffic.peers.ways for traffic in classes}.values():
        ways |= known
    tracer = Tracer(before, ways)
    tracers = tracer, tracer if after is before else Tracer(after, ways)
    faults = {traffic.bridge: fault_of(traffic.bridge, after) for traffic in classes if traffic.bridge is not None}
    cut_off = {bridge: fault for bridge, fault in faults.items() if fault is not None}
    return tuple(effect for traffic in classes for effect in _of_class(traffic, *tracers, cut_off))


def has_no_pods(bridge: LinkAddress, state: Snapshot) -> bool:
    """Whether no pod is there yet, as is known where the kernel uses no route by a bridge without carrier."""
    return (bridge.address.address.version, bridge.link) in state.linkdown and fault_of(bridge, state) is None


def _cut_off(traffic: TrafficClass, fault: Step, before: Tracer, after: Tracer) -> Iterator[TrafficEffect]:
    """Return the effect on a class of pods that can't be reached at all."""
    if parts := list(_entering(traffic, before, after)):
        effect = _effect(probe_of(traffic, parts)._replace(fault=fault), before, after)
        yield replace(effect, probe=described(effect.probe, traffic, parts))


def _of_class(
    traffic: TrafficClass, before: Tracer, after: Tracer, cut_off: Mapping[LinkAddress, Step]
) -> Iterator[TrafficEffect]:
    """Return the effects on a class: one for all of its packets of which the same is told, the most of them first.

    Of a class of which nothing is wanted only what changes is told.
    """
    if traffic.wanted and traffic.bridge is not None and traffic.bridge in cut_off:
        yield from _cut_off(traffic, cut_off[traffic.bridge], before, after)
        return
    watched = not traffic.wanted and traffic.mark is None
    alike: dict[Hashable, _Kind] = {}
    for flow in () if watched and before is after else _entering(traffic, before, after):
        for parts in _regions(flow, traffic, before, after):
            effect = _effect(probe_of(traffic, parts), before, after, _Among(flow, traffic))
            if effect.names_hops:
                for probe, split in probes_by_way(traffic, parts):
                    _add(alike, _effect(probe, before, after, _Among(flow, traffic)), split)
            else:
                _add(alike, effect, parts)
    every = [kind for kind in alike.values() if kind[0].changed or not watched]
    kinds = sorted(_few_hops(every), key=lambda kind: -sum(part.packets for part in kind[1]))
    if traffic.beyond:
        most = largest(traffic, [parts for _, parts in kinds])
        kinds = [kind for number, kind in enumerate(kinds) if number in most]
    for number, (effect, parts) in enumerate(kinds[:_MOST]):
        more = len(kinds) - _MOST if number == _MOST - 1 and len(kinds) > _MOST else 0
        yield replace(effect, probe=described(effect.probe, traffic, parts)._replace(more=more))


def _few_hops(kinds: list[_Kind]) -> list[_Kind]:
    """Make one of the kinds of packets that only get another next hop, if they are many."""
    hops = [kind for kind in kinds if kind[0].names_hops]
    if len(hops) <= _MOST:
        return kinds
    effect, parts = hops[0][0], [part for _, parts in hops for part in parts]
    others = [kind for kind in kinds if not kind[0].names_hops]
    return [*others, (replace(effect, probe=effect.probe._replace(ways=len(hops))), parts)]


def _add(alike: dict[Hashable, _Kind], effect: TrafficEffect, parts: list[Flow]) -> None:
    blame = effect.after_blame or effect.blame
    place = None if blame is None else (blame.at.rpartition(" ")[0] or blame.at, whose(blame.at, blame.rule))
    _, others = alike.setdefault((effect.fares, effect.broken, effect.words, place), (effect, []))
    others += parts


def _effect(probe: Probe, before: Tracer, after: Tracer, among: _Among | None = None) -> TrafficEffect:
    then = _traced(probe, before, among)
    return TrafficEffect(probe, then, then if before is after else _traced(probe, after, among))


def _traced(probe: Probe, tracer: Tracer, among: _Among | None) -> Trace:
    """Return what becomes of a connection, or of its first packet alone where that comes to somewhere else already."""
    arrived = None if among is None else among.arrival(probe.packet, tracer)
    if arrived is not None and fares_of(arrived, probe) is Fares.WELL:
        return arrived
    first = tracer.trace(probe.packet)
    lost = fares_of(first, probe) is Fares.BROKEN and not works(first, probe)
    return first if lost or probe.tunnelled else tracer.follow(probe.packet)


class _Among(NamedTuple):
    """Packets of a class that come in together."""

    flow: Flow
    traffic: TrafficClass

    def ends(self, tracer: Tracer) -> Iterable[End]:
        """Say what may become of them, and of what follows."""
        return tracer.ends(self.flow) if self.traffic.one_way else tracer.connections(self.flow)

    def arrival(self, packet: Packet, tracer: Tracer) -> Trace | None:
        """Return the answer for one of them if it certainly arrives, None if it has to be traced."""
        return arrival(packet, self.ends(tracer), self.traffic.peers.way_to(packet.destination))


def _entering(traffic: TrafficClass, before: Tracer, after: Tracer) -> Iterator[Flow]:
    """Return the packets of a class that this node passes on, by the devices that they come in by.

    What arrives from another host comes by the device by which an answer leaves; without one, by the one of the spec.
    """
    flow, fib = traffic.packets, after.fib(traffic.packets.version)
    for tracer in (before, after):
        for kind in ("LOCAL", "BROADCAST", "MULTICAST", "ANYCAST"):
            own = tracer.fib(flow.version).addresses_of(kind)
            if flow.iif != NO_DEVICE:
                flow = replace(flow, source=minus(flow.source, own))
            if traffic.bridge is not None or not traffic.arrives:
                flow = replace(flow, destination=minus(flow.destination, own))
    if not flow.source or not flow.destination:
        return
    if not traffic.arrives:
        yield flow
        return
    rest = flow.source
    for addresses, device in fib.entrances(flow.source):
        rest = minus(rest, addresses)
        yield replace(flow, source=addresses, iif=device)
    if rest:
        yield replace(flow, source=rest)


def _regions(flow: Flow, traffic: TrafficClass, before: Tracer, after: Tracer) -> list[list[Flow]]:
    """Divide packets into those that fare alike before and after, each as disjoint parts; none goes to its sender."""
    kinds = ([part for part in parts if not _to_itself(part)] for parts in _fared(flow, traffic, before, after))
    return [parts for parts in kinds if parts]


def _to_itself(part: Flow) -> bool:
    return part.source == part.destination and single(part.source) is not None


def _fared(flow: Flow, traffic: TrafficClass, before: Tracer, after: Tracer) -> list[list[Flow]]:
    then = _divided(flow, traffic, before)
    if before is after:
        return list(then.values())
    now = _divided(flow, traffic, after)
    if len(now) == 1 or len(then) == 1:
        return list((then if len(now) == 1 else now).values())
    return [
        [both for one in old for other in new if (both := common(one, other))]
        for old in then.values()
        for new in now.values()
    ]


def _divided(flow: Flow, traffic: TrafficClass, tracer: Tracer) -> dict[Hashable, list[Flow]]:
    """Divide packets by how they fare: where several ends can't be ruled out, by all of these."""
    alike: dict[Hashable, list[Flow]] = {}
    for end in _Among(flow, traffic).ends(tracer):
        for part, key in told_apart(end, traffic.peers):
            bare = replace(flow, **{field.name: getattr(part, field.name) for field in FIELDS})
            alike.setdefault(key, []).append(bare)
    joined = {key: coalesced(parts) for key, parts in alike.items()}
    if sum(part.packets for parts in joined.values() for part in parts) == flow.packets:
        return joined
    divided: dict[Hashable, list[Flow]] = {}
    for cell, keys in cells(flow, [(part, key) for key, parts in joined.items() for part in parts]):
        divided.setdefault(frozenset(keys), []).append(cell)
    return divided
