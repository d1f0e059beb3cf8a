"""What a plan does to traffic: packets of each class, traced before and after, and measured by what the spec wants.

Refused as a policy is what is refused in a chain that is there for that: it is said, and is not broken. A rule
that spares another packet of the class is about that packet, not about the class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.chain.value import ChainKey
from netplan.kinds.resource import Json
from netplan.kinds.snapshot import Snapshot
from netplan.planning.traffic.owners import holds_policy, whose
from netplan.planning.traffic.peers import MOST
from netplan.planning.traffic.probe import Probe, SourceAddress
from netplan.spec.model import Mark
from netplan.trace import Did, PacketVerdict, Step, Trace, Tracer
from netplan.trace.fib import LOOPBACK

_ROUTING: Final = "route"
_TOO_MANY: Final = Step(
    "peers", "", Did.UNKNOWN, f"rules or routes single out more than the {MOST} that are traced", certain=False
)
_UNTRACED: Final = Trace(PacketVerdict.UNKNOWN, None, None, None, None, (_TOO_MANY,), _TOO_MANY)


class Fares(Enum):
    """How traffic fares, measured by what the spec wants of it."""

    WELL = "as wanted, or nothing is wanted of it"
    BROKEN = "otherwise than wanted"
    REFUSED = "refused by another program's policy"
    UNKNOWN = "unknown"


class TrafficEffect(Struct, frozen=True):
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
        """Whether this traffic does for certain not fare as the spec wants it before the plan."""
        return _fares(self.before, self.probe) is Fares.BROKEN

    @property
    def fares(self) -> Fares:
        """How this traffic will fare after the plan."""
        return _fares(self.after, self.probe)

    @property
    def stays_broken(self) -> bool:
        """Whether this traffic will for certain not fare as the spec wants it after the plan either."""
        return self.fares is Fares.BROKEN

    @property
    def blame(self) -> Step | None:
        """The step that makes the traffic fare otherwise than it should, or leaves that open, before the plan."""
        return None if _fares(self.before, self.probe) is Fares.WELL else _culprit(self.before, self.probe)

    @property
    def after_blame(self) -> Step | None:
        """The same after the plan."""
        return None if self.fares is Fares.WELL else _culprit(self.after, self.probe)

    @property
    def words(self) -> tuple[str, str]:
        """How the traffic fares before and after, in a few words; the next hop where that is all that differs."""
        astray = _strays(self.after, self.probe)
        before, after = (_fate(trace, self.probe, astray=astray) for trace in (self.before, self.after))
        accepted = self.before.verdict is self.after.verdict is PacketVerdict.ACCEPT
        if before == after and accepted and self.before.next_hop != self.after.next_hop:
            return f"{before}, {_by_way_of(self.before)}", _by_way_of(self.after)
        return before, after

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


def effects(found: Iterable[Probe], before: Snapshot, after: Snapshot) -> tuple[TrafficEffect, ...]:
    """Trace every class of traffic through a node's state before and after a plan.

    UDP is a class of its own only where it fares unlike TCP.
    """
    tracer = Tracer(before)
    tracers = tracer, tracer if after is before else Tracer(after)
    made: dict[tuple[str, str | None, Mark | None], list[TrafficEffect]] = {}
    for probe in found:
        effect = _effect(_entering(probe, tracers[1]), *tracers) if probe.traced else _untraced(probe)
        alike = made.setdefault((probe.traffic, probe.peer, probe.mark), [])
        if all((each.fares, each.words) != (effect.fares, effect.words) for each in alike):
            alike.append(effect)
    return tuple(effect for alike in made.values() for effect in alike)


def _untraced(probe: Probe) -> TrafficEffect:
    return TrafficEffect(probe, _UNTRACED, _UNTRACED)


def _effect(probe: Probe, before: Tracer, after: Tracer) -> TrafficEffect:
    """Trace a class of traffic; what befalls the one packet of it and not the other does not befall the class.

    Where a rule about the one alone hides what befalls both, the other tells of it.
    """
    made = TrafficEffect(probe, before.trace(probe.packet), after.trace(probe.packet))
    if probe.other is None or made.fares is Fares.WELL:
        return made
    other = probe._replace(packet=probe.other)
    unlike = TrafficEffect(other, before.trace(other.packet), after.trace(other.packet))
    return made if unlike.fares is made.fares and unlike.after_blame == made.after_blame else unlike


def _entering(probe: Probe, tracer: Tracer) -> Probe:
    """Return what arrives from another host the device by which an answer leaves; without one, the one of the spec."""
    source = probe.packet.source
    route = tracer.fib(source.version).route_to(source) if probe.arrives and source is not None else None
    device = None if route is None else route.oif or next((hop.oif for hop in route.hops), None)
    if device is None:
        return probe
    other = None if probe.other is None else replace(probe.other, iif=device)
    return probe._replace(packet=replace(probe.packet, iif=device), other=other)


def _fares(trace: Trace, probe: Probe) -> Fares:
    """Measure what became of a packet by what the spec wants of it."""
    if not probe.wanted:
        return Fares.WELL
    if trace.verdict in (PacketVerdict.DROP, PacketVerdict.REJECT):
        return _refused(trace, probe)
    unread = probe.source is not None and trace.source is None
    if trace.verdict is PacketVerdict.UNKNOWN or trace.destination is None or unread:
        return Fares.UNKNOWN
    arrives = trace.destination == probe.packet.destination and not _strays(trace, probe)
    kept = SourceAddress.KEPT if trace.source == probe.packet.source else SourceAddress.REWRITTEN
    return Fares.WELL if arrives and probe.source in (None, kept) else Fares.BROKEN


def _strays(trace: Trace, probe: Probe) -> bool:
    """Whether a packet leaves by another way than the one that is wanted."""
    return probe.way is not None and (trace.oif, trace.next_hop) != probe.way


def _refused(trace: Trace, probe: Probe) -> Fares:
    """Say whether it is wrong that a packet was refused; with `forward: none` the filters are not podnet's matter."""
    at = trace.steps[-1].at if trace.steps else ""
    if at == _ROUTING:
        return Fares.WELL if probe.beyond else Fares.BROKEN
    if not probe.accepted:
        return Fares.WELL
    return Fares.REFUSED if holds_policy(at) and not probe.tunnelled else Fares.BROKEN


def _culprit(trace: Trace, probe: Probe) -> Step | None:
    """Return the step that refused the packet, rewrote or kept its addresses, or left in doubt what became of it."""
    if trace.doubt is not None or trace.verdict is not PacketVerdict.ACCEPT:
        return trace.doubt or (trace.steps[-1] if trace.steps else None)
    if trace.destination != probe.packet.destination:
        return _last(trace.steps, Did.REWROTE_DESTINATION)
    if probe.source is SourceAddress.KEPT and trace.source != probe.packet.source:
        return _last(trace.steps, Did.REWROTE_SOURCE)
    if _strays(trace, probe):
        return _last(trace.steps, Did.SELECTED_TABLE) or _last(trace.steps, Did.ROUTED)
    if probe.source is not SourceAddress.REWRITTEN:
        return _last(trace.steps, Did.REWROTE_SOURCE)
    return _spared(trace, probe)


def _spared(trace: Trace, probe: Probe) -> Step:
    """Return the step by which a packet keeps its source that should have got another."""
    routed = max((number for number, step in enumerate(trace.steps) if step.at == _ROUTING), default=-1)
    postrouting = ChainKey(probe.packet.version, "nat", "POSTROUTING")
    later = trace.steps[routed + 1 :]
    hooked = [step for step in later if step.at.startswith(f"{postrouting} ")]
    return (
        _last(later, Did.KEPT_ADDRESSES)
        or _last(trace.steps, Did.UNTRACKED)
        or _last(hooked, Did.RETURNED)
        or Step(str(postrouting), "", Did.PASSED, "nothing masquerades it")
    )


def _last(steps: Sequence[Step], did: Did) -> Step | None:
    """Return the last step that did this for certain."""
    return next((step for step in reversed(steps) if step.did is did and step.certain), None)


def _fate(trace: Trace, probe: Probe, *, astray: bool) -> str:
    """Say in a word what becomes of a packet; with `astray` also that it takes another way than it should."""
    if trace.verdict is not PacketVerdict.ACCEPT:
        return {PacketVerdict.DROP: "dropped", PacketVerdict.REJECT: "rejected"}.get(trace.verdict, "unknown")
    if trace.destination != probe.packet.destination:
        return f"sent to {trace.destination or 'an unknown destination'}"
    if astray and _strays(trace, probe):
        return f"takes the wrong path {_by_way_of(trace)}"
    if trace.oif == LOOPBACK:
        return "let in"
    if trace.source == probe.packet.source:
        return "not masqueraded" if probe.source is SourceAddress.REWRITTEN else "source kept"
    return "source unknown" if trace.source is None else f"source {trace.source}"


def _by_way_of(trace: Trace) -> str:
    return "direct" if trace.next_hop is None else f"via {trace.next_hop}"


def blamed(step: Step) -> str:
    """Name a step: its place, and whose rule it looks like."""
    looks_like = whose(step.at, step.rule)
    return f"{step.at}, {looks_like}" if looks_like else said(step)


def said(step: Step) -> str:
    """Return a step's place with its rule, or what happened there where no rule is to blame."""
    return f"{step.at}: {step.rule or step.effect}"
