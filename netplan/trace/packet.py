"""The packet that is traced, what is decided about it, and the answer: what all ends agree on that it may come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import takewhile
from typing import Final, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.resource import Json
from netplan.net import Address, Prefix
from netplan.netfilter.iptables.names import ICMP, ICMPV6
from netplan.trace.fib import Fib, LookupResult
from netplan.trace.firewall.targets import Did
from netplan.trace.firewall.walk import Step, Trail, doubts
from netplan.trace.flow import EVERY_SERVICE, NO_DEVICE, NO_SOURCE, Flow, Mark, Phase, services
from netplan.trace.intervals import EVERY_PORT, Intervals, contains, only

ECHO_REQUESTS: Final = {ICMP: 8 << 8, ICMPV6: 128 << 8}
"""What stands for an echo request in the place of the port, by protocol."""


T = TypeVar("T")


class Packet(Struct, frozen=True):
    """The first packet of a connection.

    `iif` is the device that it comes in by, None if this node sends it. A source of None, which is possible then, is
    the one that the kernel gives to an unbound socket. A protocol or port of None is not known: rules that ask for it
    may match. Of TCP it is the SYN, of ICMP an echo request. `mark` is the mark it has when it enters.
    """

    source: Address | None
    destination: Address
    protocol: int | None = ICMP
    sport: int | None = None
    dport: int | None = None
    mark: int = 0
    iif: str | None = None

    @property
    def version(self) -> int:
        """The packet's IP version."""
        return self.destination.version

    @property
    def flow(self) -> Flow:
        """The set of packets that holds this one alone; all that it may be where something is not known."""
        return Flow(
            self.version,
            source=NO_SOURCE if self.source is None else only(self.source.value),
            destination=only(self.destination.value),
            sport=EVERY_PORT if self.sport is None else only(self.sport),
            service=self._service,
            iif=NO_DEVICE if self.iif is None else self.iif,
            oif=NO_DEVICE,
            mark=Mark.of(self.mark),
            connmark=Mark.of(0),
            dnat=False,
        )

    @property
    def _service(self) -> Intervals:
        if self.protocol is None:
            return EVERY_SERVICE
        port = ECHO_REQUESTS.get(self.protocol, self.dport)
        return services([self.protocol], EVERY_PORT if port is None else only(port))

    @classmethod
    def first_of(cls, flow: Flow, likes: Packet) -> Packet:
        """Return a packet of a flow, where it can be with what another one has."""
        service = _choose(flow.service, likes.service)
        protocol, port = service >> 16, service & 0xFFFF
        return cls(
            Address(flow.version, _choose(flow.source, None if likes.source is None else likes.source.value)),
            Address(flow.version, _choose(flow.destination, likes.destination.value)),
            protocol,
            None if protocol in ECHO_REQUESTS else _choose(flow.sport, likes.sport),
            None if protocol in ECHO_REQUESTS else port,
            flow.mark.value,
            flow.iif or None,
        )

    @property
    def service(self) -> int | None:
        """Protocol and port as they stand in `Flow.service`, None if they are not known."""
        return None if self.protocol is None or self.dport is None else self.protocol << 16 | self.dport


def _choose(values: Intervals, liked: int | None) -> int:
    return liked if liked is not None and contains(values, liked) else values[0]


def entrance(packet: Packet, fib: Fib, subnet: Prefix | None, bridge: str) -> Packet:
    """Return a packet with the device that it comes in by, which its source decides; ValueError if that is unknown.

    A source of the node itself: the node sends it. One of its pod subnet: the bridge. Else the device towards it.
    """
    source = packet.source
    if source is None or fib.holder(source) is not None:
        return replace(packet, iif=None)
    if subnet is not None and subnet.contains(source):
        return replace(packet, iif=bridge)
    route = fib.route_to(source)
    device = None if route is None else route.oif or next((hop.oif for hop in route.hops), None)
    if device is None:
        raise ValueError(f"no route leads to {source}: the device it comes in by is unknown")
    return replace(packet, iif=device)


class PacketVerdict(StrEnum):
    """What becomes of a packet in the end."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNKNOWN = "unknown"


REFUSALS: Final = {
    "blackhole": PacketVerdict.DROP,
    "unreachable": PacketVerdict.REJECT,
    "prohibit": PacketVerdict.REJECT,
}


class RoutingDecision(NamedTuple):
    """Where packets go, or the verdict that ends their way; `local` is to this node itself."""

    flow: Flow
    steps: tuple[Step, ...]
    verdict: PacketVerdict | None = None
    local: bool = False

    def behind(self, steps: tuple[Step, ...]) -> RoutingDecision:
        """Return the decision with what led to it."""
        return self._replace(steps=steps + self.steps) if steps else self

    def doubted(self) -> RoutingDecision:
        """Return the decision as one that may not be taken."""
        *before, last = self.steps
        if not last.certain:
            return self
        return self._replace(steps=(*before, last._replace(effect=f"may be {last.effect}", certain=False)))


def verdict_text(verdict: PacketVerdict) -> str:
    """Return a verdict as what was done."""
    return {PacketVerdict.DROP: "dropped", PacketVerdict.REJECT: "rejected", PacketVerdict.ACCEPT: "accepted"}.get(
        verdict, "unknown"
    )


def refusal(flow: Flow, verdict: PacketVerdict, text: str, certain: bool = True) -> RoutingDecision:  # noqa: FBT001, FBT002
    """Return the decision on packets that go no further, or may not."""
    step = Step("route", "", Did.REFUSED, text if certain else f"may be {text}", certain)
    return RoutingDecision(flow, (step,), verdict)


def unknown(flow: Flow, why: str, route: str = "") -> RoutingDecision:
    """Return the decision on packets whose way is unknown."""
    return RoutingDecision(
        flow, (Step("route", route, Did.UNKNOWN, f"unknown: {why}", certain=False),), PacketVerdict.UNKNOWN
    )


def is_own(result: LookupResult) -> bool:
    """Whether a look-up ends at this node itself."""
    return result.local or (result.route is not None and result.route.type == "local")


def doubts_of(result: LookupResult) -> tuple[Step, ...]:
    """Return the rules of which it is not known whether they select their tables."""
    return tuple(
        Step(rule.label, str(rule), Did.SELECTED_TABLE, "may select it", certain=False) for rule in result.doubts
    )


def way_to(result: LookupResult) -> tuple[Step, ...]:
    """Tell of the rules that led to a route, where they are not those of every node."""
    rule = result.rule
    if rule is None or result.usual or rule in result.doubts or rule.action in REFUSALS:
        return doubts_of(result)
    return (
        *doubts_of(result),
        Step(rule.label, str(rule), Did.SELECTED_TABLE, f"looked up in table {rule.table_name}"),
    )


def with_source(flow: Flow, source: Address | None) -> Flow:
    """Return packets with a source if they have none yet."""
    if flow.source != NO_SOURCE or source is None:
        return flow
    return replace(flow, source=only(source.value))


class Trace(Struct, frozen=True):
    """What becomes of a packet: as it leaves the node, or as it is where its way ends.

    Each of `source`, `destination`, `oif` and `next_hop` is None where it is not known or there is none: a packet for
    this node has the device `lo`, one whose destination is on-link no next hop. `steps` are the rules and routes that
    touched the packet. Where anything is not known, `doubt` is the step that made it so, and the last of the steps.
    `possible` are the traces of which it is one then, if they are several. Of a connection whose packets arrive but not
    all that follows, `phase` says what does not: the verdict, the steps, the device and the next hop are of that.
    """

    verdict: PacketVerdict
    source: Address | None
    destination: Address | None
    oif: str | None
    next_hop: Address | None
    steps: tuple[Step, ...]
    doubt: Step | None = None
    possible: tuple[Trace, ...] = ()
    phase: Phase = Phase.FIRST

    def to_json(self, *, steps: bool = True) -> Json:
        """Return the trace as JSON values, with its steps or without."""
        fields = ("source", "destination", "oif", "next_hop")
        data = {"verdict": self.verdict.value} | {
            name: None if getattr(self, name) is None else str(getattr(self, name)) for name in fields
        }
        if self.phase is not Phase.FIRST:
            data["of"] = self.phase.value
        if not steps:
            return data
        return data | {"steps": [{"at": step.at, "rule": step.rule, "effect": step.effect} for step in self.steps]}


class End(NamedTuple):
    """The end of a way: of first packets, or of what follows them in the connections that these open."""

    verdict: PacketVerdict
    flow: Flow
    trail: Trail
    phase: Phase = Phase.FIRST


def answer(ends: Sequence[End]) -> Trace:
    """Put the ends of all ways into one answer: what they agree on is known."""
    traces = [_seen(end) for end in sorted(ends, key=lambda end: doubts(end.trail))]
    first = traces[0]
    if all(_outcome(trace) == _outcome(first) for trace in traces):
        open_ended = first.verdict is PacketVerdict.UNKNOWN or first.source is None or first.destination is None
        return replace(first, doubt=_first_doubt(first.steps) if open_ended else None)
    common = _common([trace.steps for trace in traces])
    later = [step for trace in traces for step in trace.steps[len(common) :]]
    doubt = _first_doubt(later) or _first_doubt(common[::-1])
    before = common if doubt in later else common[: common.index(doubt)] if doubt else common
    return Trace(
        verdict=_agreed([trace.verdict for trace in traces]) or PacketVerdict.UNKNOWN,
        source=_agreed([trace.source for trace in traces]),
        destination=_agreed([trace.destination for trace in traces]),
        oif=_agreed([trace.oif for trace in traces]),
        next_hop=_agreed([trace.next_hop for trace in traces]),
        steps=before if doubt is None else (*before, doubt),
        doubt=doubt,
        possible=tuple(traces),
        phase=_agreed([trace.phase for trace in traces]) or Phase.FIRST,
    )


def _first_doubt(steps: Iterable[Step]) -> Step | None:
    return next((step for step in steps if not step.certain), None)


def _seen(end: End) -> Trace:
    flow = end.flow
    oif = flow.oif if flow.oif != NO_DEVICE else None
    next_hop = flow.next_hop if isinstance(flow.next_hop, Address) else None
    return Trace(end.verdict, flow.from_address, flow.to_address, oif, next_hop, end.trail, phase=end.phase)


def _outcome(trace: Trace) -> tuple[object, ...]:
    return trace.verdict, trace.source, trace.destination, trace.oif, trace.next_hop, trace.phase


def _common(trails: Sequence[Trail]) -> Trail:
    """Return the steps with which all trails begin."""
    alike = takewhile(lambda steps: all(step == steps[0] for step in steps), zip(*trails, strict=False))
    return tuple(steps[0] for steps in alike)


def _agreed(values: Sequence[T]) -> T | None:
    return values[0] if all(value == values[0] for value in values) else None
