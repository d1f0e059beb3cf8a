"""What a plan does to traffic: a representative packet of each class, traced before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from netplan.compile import Desired, Traffic
from netplan.net import Address
from netplan.owners import owner
from netplan.placement import outsides
from netplan.resource import Json
from netplan.snapshot import Snapshot
from netplan.topology import Node
from netplan.trace import Packet, Step, Trace, Tracer, Verdict

_TCP: Final = 6
_PORT: Final = 20000
_REPRESENTATIVES: Final = 4


class Source(StrEnum):
    """What is to become of a packet's source address."""

    KEPT = "kept"
    REWRITTEN = "rewritten"


class Probe(NamedTuple):
    """A packet that stands for a class of traffic; `source` is None where podnet leaves it to others."""

    traffic: str
    peer: str | None
    packet: Packet
    source: Source | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of a class of traffic before and after a plan; `blame` is what makes it wrong before."""

    probe: Probe
    before: Trace
    after: Trace

    @property
    def changed(self) -> bool:
        """Whether the plan makes a difference to this traffic."""
        return self.before.to_json(steps=False) != self.after.to_json(steps=False)

    @property
    def broken(self) -> bool:
        """Whether this traffic does not fare as the spec wants it before the plan."""
        return not self._as_wanted(self.before)

    @property
    def stays_broken(self) -> bool:
        """Whether this traffic will not fare as the spec wants it after the plan either."""
        return not self._as_wanted(self.after)

    @property
    def blame(self) -> Step | None:
        """The step that makes the traffic fare otherwise than it should, as it is before the plan."""
        return _culprit(self.before) if self.broken else None

    @property
    def after_blame(self) -> Step | None:
        """The same after the plan."""
        return _culprit(self.after) if self.stays_broken else None

    @property
    def words(self) -> tuple[str, str]:
        """How the traffic fares before and after, in a few words; the next hop where that is all that differs."""
        before, after = (_fate(trace, self.probe) for trace in (self.before, self.after))
        if before == after and self.before.next_hop != self.after.next_hop:
            return f"{before}, {_by_way_of(self.before)}", _by_way_of(self.after)
        return before, after

    def _as_wanted(self, trace: Trace) -> bool:
        if self.probe.source is None:
            return True
        kept = trace.source == self.probe.packet.source
        return trace.verdict is Verdict.ACCEPT and kept is (self.probe.source is Source.KEPT)

    def to_json(self) -> Json:
        """Give the effect as JSON values; `source` of what is wanted is an address, or `rewritten`."""
        wanted = {"verdict": Verdict.ACCEPT.value, "source": str(self.probe.packet.source)}
        if self.probe.source is Source.REWRITTEN:
            wanted["source"] = Source.REWRITTEN.value
        return {
            "class": self.probe.traffic,
            "peer": self.probe.peer,
            "before": self.before.to_json(steps=False),
            "after": self.after.to_json(steps=False),
            "wanted": None if self.probe.source is None else wanted,
            "broken": self.broken,
            "blame": None if self.blame is None else _said(self.blame),
        }


def effects(desired: Desired, before: Snapshot, after: Snapshot) -> tuple[Effect, ...]:
    """Trace every class of traffic through a node's state before and after a plan."""
    if desired.traffic is None:
        return ()
    tracers = Tracer(before), Tracer(after)
    return tuple(
        Effect(probe, *(tracer.trace(probe.packet) for tracer in tracers)) for probe in probes(desired.traffic)
    )


def probes(traffic: Traffic) -> Iterator[Probe]:
    """Give a packet for each class of traffic; of many peers, the first few stand for all."""
    if traffic.subnet.size > 4:
        yield _from_pod(traffic, "pod -> pod here", None, traffic.subnet.host(3), Source.KEPT)
    for prefix in traffic.exempt:
        yield _from_pod(traffic, f"pod -> {prefix}", None, prefix.host(min(1, prefix.size - 1)), Source.KEPT)
    for peer in _few_peers(traffic):
        yield from _with_peer(traffic, peer)
    outside = next(outsides(traffic), None)
    if outside is not None:
        yield _from_pod(traffic, "pod -> outside", None, outside.host(1), _masqueraded(traffic))
        arriving = Packet(outside.host(1), traffic.subnet.host(2), _TCP, _PORT, _PORT, iif=traffic.node.interface)
        yield Probe("outside -> pod", None, arriving, Source.KEPT if traffic.accepts else None)


def _with_peer(traffic: Traffic, peer: Node) -> Iterator[Probe]:
    """Give the classes of traffic between this node and another one."""
    pod, there = peer.subnet.host(2), peer.address.address
    kept = any(prefix.contains(there) for prefix in traffic.kept)
    to_pod = _from_pod(traffic, "pod -> pod", peer.name, pod, Source.KEPT)
    sent = Packet(traffic.node.address.address, pod, _TCP, _PORT, _PORT)
    yield to_pod
    yield _from_pod(traffic, "pod -> node", peer.name, there, Source.KEPT if kept else _masqueraded(traffic))
    yield Probe("node -> pod", peer.name, sent, Source.KEPT)
    for mark in traffic.respected:
        marked = replace(to_pod.packet, mark=mark.value)
        yield Probe(f"pod -> pod marked {mark}", peer.name, marked, None)


def _masqueraded(traffic: Traffic) -> Source:
    return Source.REWRITTEN if traffic.masquerades else Source.KEPT


def _from_pod(traffic: Traffic, name: str, peer: str | None, destination: Address, source: Source | None) -> Probe:
    packet = Packet(traffic.subnet.host(2), destination, _TCP, _PORT, _PORT, iif=traffic.node.bridge)
    return Probe(name, peer, packet, source)


def _few_peers(traffic: Traffic) -> Iterator[Node]:
    others = (node for node in traffic.nodes if node.name != traffic.node.name)
    return (peer for _, peer in zip(range(_REPRESENTATIVES), others, strict=False))


def _culprit(trace: Trace) -> Step | None:
    """Give the step that refused the packet, rewrote its source, or left in doubt what became of it."""
    if trace.doubt is not None:
        return trace.doubt
    return trace.steps[-1] if trace.steps else None


def _fate(trace: Trace, probe: Probe) -> str:
    """Say in a word what becomes of a packet: kept, source ADDRESS, rejected, dropped, or unknown."""
    if trace.verdict is not Verdict.ACCEPT:
        return {Verdict.DROP: "dropped", Verdict.REJECT: "rejected"}.get(trace.verdict, "unknown")
    if trace.source == probe.packet.source:
        return "source kept"
    return "source unknown" if trace.source is None else f"source {trace.source}"


def _by_way_of(trace: Trace) -> str:
    return "direct" if trace.next_hop is None else f"via {trace.next_hop}"


def blamed(step: Step) -> str:
    """Name a step: its place, and whose rule it looks like."""
    whose = owner(step.at, step.rule)
    return f"{step.at}, {whose}" if whose else _said(step)


def _said(step: Step) -> str:
    """Give a step's place with its rule, or what happened there where no rule is to blame."""
    return f"{step.at}: {step.rule or step.effect}"
