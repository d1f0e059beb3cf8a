"""Follow packets through a node's state, step by step: the hooks in the kernel's order, and routing between them.

A step that can't be decided makes the way fork; where all ways end alike the answer is known all the same. Table raw
is walked for its marks and for NOTRACK. NAT is decided for the first packet of a connection, and later ones keep to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Prefix
from netplan.trace.addresses import LOOPBACK
from netplan.trace.connection import followed
from netplan.trace.fib import NOTHING_WANTED, Fib
from netplan.trace.firewall.hooks import CONNTRACK, FIRST, LAST, NAT, Hooks, Span
from netplan.trace.firewall.targets import Did, Fate
from netplan.trace.firewall.walk import Branch, Step, Trail, joined
from netplan.trace.flow import DESTINATION, INVALID, NO_DEVICE, REPLYING, SOURCE, UNTRACKED, Flow, Mark, Phase
from netplan.trace.ipv6 import Ipv6Router
from netplan.trace.packet import End, Packet, PacketVerdict, RoutingDecision, Trace, answer
from netplan.trace.routing import BRIDGE_CALLS, Router
from netplan.trace.split import cut
from netplan.trace.table import Way

_NEW, _ESTABLISHED, _RELATED = "NEW", "ESTABLISHED", "RELATED"
_ALWAYS_THERE: Final = "net.ipv4.conf.all.rp_filter"
_VERDICTS: Final = {Fate.DROPPED: PacketVerdict.DROP, Fate.REJECTED: PacketVerdict.REJECT}


class _Way(NamedTuple):
    """Packets on their way, and what touched them until now."""

    flow: Flow
    trail: Trail = ()

    def turned(self, decision: RoutingDecision) -> _Way:
        return _Way(decision.flow, self.trail + decision.steps)


def trace(snapshot: Snapshot, packet: Packet) -> Trace:
    """Say what becomes of a packet on a node in this state; for many packets of one state make one `Tracer`."""
    return Tracer(snapshot).trace(packet)


class Tracer:
    """Traces packets through one state of a node; `wanted` are the ways by which packets to prefixes should leave.

    Next hops that are not wanted are told apart while they are few, or all of them if `wanted` is None.
    """

    def __init__(self, snapshot: Snapshot, wanted: Mapping[Prefix, Way] | None = NOTHING_WANTED) -> None:
        self._family = cache(lambda version: _Family(snapshot, version, wanted))
        self._first_ends = cache(lambda packet: self.ends(packet.flow))
        self.connections = cache(self._connections_of)
        self._traced = cache(lambda packet: answer(self._first_ends(packet)))
        self._followed = cache(lambda packet: answer(self._connections(packet.flow, self._first_ends(packet))))

    def fib(self, version: int) -> Fib:
        """Return the forwarding information base of an IP version."""
        return self._family(version).fib

    def trace(self, packet: Packet) -> Trace:
        """Say what becomes of a packet."""
        return self._traced(packet)

    def ends(self, flow: Flow) -> list[End]:
        """Say what may become of packets: of several ends of the same packet each is one that can't be ruled out."""
        return self._family(flow.version).ends(flow)

    def follow(self, packet: Packet) -> Trace:
        """Say what becomes of the connection that a packet opens."""
        return self._followed(packet)

    def _connections_of(self, flow: Flow) -> list[End]:
        """Say what may become of the connections that packets open, of replies and later packets too."""
        return self._connections(flow, self.ends(flow))

    def _connections(self, flow: Flow, firsts: Iterable[End]) -> list[End]:
        return [end for first in firsts for end in followed(flow, first, self.ends)]


class _Family:
    """Traces packets of one IP version."""

    def __init__(self, snapshot: Snapshot, version: int, wanted: Mapping[Prefix, Way] | None) -> None:
        self.fib = Fib(snapshot, version, wanted)
        self._version = version
        self._settings = {sysctl.name: sysctl.value for sysctl in snapshot.all(Sysctl)}
        self._router = (Router if version == 4 else Ipv6Router)(self.fib, self._settings)
        self._hooks = Hooks(snapshot, self.fib)

    def ends(self, flow: Flow) -> list[End]:
        """Follow packets that came by a device, or that this node sends."""
        return list(self._sent(_Way(flow)) if flow.iif == NO_DEVICE else self._arriving(_Way(flow)))

    def _arriving(self, way: _Way) -> Iterator[End]:
        """Follow packets that came by a device."""
        device = way.flow.iif or ""
        bridged, others = self._router.on_link(way.flow, device) if self.fib.is_bridge(device) else ((), (way.flow,))
        calls = self._bridge_calls()
        for flow in bridged if calls is not True else ():
            yield _passed_bridge(_Way(flow), device, certain=calls is False)
        for flow in bridged if calls is not False else ():
            yield from self._arrived(_Way(flow), bridged=True)
        for flow in others:
            yield from self._arrived(_Way(flow), bridged=False)

    def _arrived(self, way: _Way, *, bridged: bool) -> Iterator[End]:
        """Follow packets through PREROUTING; those that stay on their bridge are not routed unless NAT moves them."""
        redirected = self._bridge_calls() is not False and self.fib.is_bridge(way.flow.iif or "")
        arrived: list[_Way] = []
        yield from self._tracked([way], "PREROUTING", LAST, arrived)
        for way_on in arrived:
            if bridged and way_on.flow.new_destination is None:
                yield from self._bridged(way_on)
            else:
                yield from self._routed(way_on, redirected=redirected)

    def _bridge_calls(self) -> bool | None:
        """Whether bridged packets pass iptables; not if the kernel does not know the setting, None if unread."""
        value = self._settings.get(BRIDGE_CALLS[self._version])
        if value is None:
            return False if _ALWAYS_THERE in self._settings else None
        return value != "0"

    def _bridged(self, way: _Way) -> Iterator[End]:
        """Follow a packet from one port of a bridge to another; behind FORWARD no rule knows where it came in."""
        device = way.flow.iif or ""
        step = Step("bridge", f"dev {device}", Did.BRIDGED, "stays on the bridge")
        here = _Way(replace(way.flow, oif=device, next_hop=None), (*way.trail, step))
        for flow in _to_senders(here.flow):
            said = "may be dropped: it goes back to its sender (hairpin mode)"
            doubt = Step("bridge", f"dev {device}", Did.REFUSED, said, certain=False)
            yield End(PacketVerdict.DROP, flow, (*here.trail, doubt))
        yield from self._forwarded(here, NO_DEVICE)

    def _routed(self, way: _Way, *, redirected: bool) -> Iterator[End]:
        """Follow a packet through the routing decision; one that a bridge `redirected` may go back to the bridge."""
        for decision in self._router.arriving(way.flow):
            after = way.turned(decision)
            if decision.verdict is not None:
                yield End(decision.verdict, *after)
            elif decision.local:
                yield from self._delivered(after)
            elif redirected and after.flow.oif == way.flow.iif and way.flow.dnat:
                yield from self._bridged(after)
            else:
                yield from self._forwarded(after, after.flow.iif or "")

    def _delivered(self, way: _Way, *, nat: bool = True) -> Iterator[End]:
        """Follow a packet to a process of this node."""
        arrived: list[_Way] = []
        yield from self._through([way], "INPUT", arrived, nat=nat)
        for arrived_way in arrived:
            yield End(PacketVerdict.ACCEPT, replace(arrived_way.flow, oif=LOOPBACK, next_hop=None), arrived_way.trail)

    def _forwarded(self, way: _Way, iif: str) -> Iterator[End]:
        passed: list[_Way] = []
        yield from self._through([way], "FORWARD", passed)
        yield from self._leaving([_Way(replace(way_on.flow, iif=iif), way_on.trail) for way_on in passed])

    def _leaving(self, ways: Iterable[_Way]) -> Iterator[End]:
        passed: list[_Way] = []
        yield from self._through(ways, "POSTROUTING", passed)
        for way_on in passed:
            if way_on.flow.oif == LOOPBACK:
                yield from self._looped(way_on)
            else:
                yield End(PacketVerdict.ACCEPT, *way_on)

    def _looped(self, way: _Way) -> Iterator[End]:
        """Follow a packet that this node sent to itself: it comes in again, and its NAT is decided already."""
        passed: list[_Way] = []
        here = _Way(replace(way.flow, iif=LOOPBACK, oif=NO_DEVICE), way.trail)
        yield from self._through([here], "PREROUTING", passed, nat=False)
        for way_on in passed:
            yield from self._delivered(way_on, nat=False)

    def _sent(self, way: _Way) -> Iterator[End]:
        """Follow a packet that a process of this node sends; one that is translated is routed again."""
        for decision in self._router.sent(way.flow):
            first = way.turned(decision)
            if decision.verdict is not None:
                yield End(decision.verdict, *first)
                continue
            tracked: list[_Way] = []
            yield from self._tracked([first], "OUTPUT", CONNTRACK, tracked)
            for tracked_way in tracked:
                yield from self._sent_out(tracked_way)

    def _sent_out(self, way: _Way) -> Iterator[End]:
        """Follow a packet through OUTPUT; it is routed again by a mark that mangle gave it, or if nat moved it."""
        mangled: list[_Way] = []
        yield from self._through([way], "OUTPUT", mangled, (CONNTRACK, NAT["OUTPUT"]))
        for marked in mangled:
            remarked = self.fib.ruled and marked.flow.mark != way.flow.mark
            translated: list[_Way] = []
            yield from self._through([marked], "OUTPUT", translated, (NAT["OUTPUT"], NAT["OUTPUT"] + 1))
            for translated_way in translated:
                moved = translated_way.flow.new_destination != way.flow.new_destination
                passed: list[_Way] = []
                yield from self._through([translated_way], "OUTPUT", passed, (NAT["OUTPUT"] + 1, LAST))
                if moved or remarked:
                    mark = translated_way.flow.mark if moved else marked.flow.mark
                    for one in passed:
                        yield from self._sent_again(one, mark)
                else:
                    yield from self._leaving(passed)

    def _sent_again(self, way: _Way, mark: Mark) -> Iterator[End]:
        """Route a packet again by another destination or mark; the mark that it has is not touched by that."""
        for decision in self._router.sent(replace(way.flow, mark=mark)):
            after = _Way(replace(decision.flow, mark=way.flow.mark), way.trail + decision.steps)
            if decision.verdict is not None:
                yield End(decision.verdict, *after)
            else:
                yield from self._leaving([after])

    def _tracked(self, ways: Iterable[_Way], hook: str, last: int, came: list[_Way]) -> Iterator[End]:
        """Lead packets through a hook to a priority; conntrack sees them there, behind table raw."""
        fresh: list[_Way] = []
        unseen = [_Way(replace(way.flow, state=INVALID), way.trail) for way in ways]
        yield from self._through(unseen, hook, fresh, (FIRST, CONNTRACK))
        seen = [_Way(_tracked(way.flow), way.trail) for way in fresh]
        yield from self._through(seen, hook, came, (CONNTRACK, last))

    def _through(
        self, ways: Iterable[_Way], hook: str, came: list[_Way], span: Span = (FIRST, LAST), *, nat: bool = True
    ) -> Iterator[End]:
        """Lead packets through the chains of a hook: give those that end there, and add the others to `came`."""
        passed: list[_Way] = []
        for way in _merged(ways):
            for fate, flow, trail in self._hooks.through(hook, way.flow, span, nat=nat):
                after = _Way(flow, way.trail + trail)
                if fate is Fate.ACCEPTED:
                    passed.append(after)
                else:
                    yield End(_VERDICTS[fate], *after)
        came += _merged(passed)


def _tracked(flow: Flow) -> Flow:
    """Return packets behind table raw, where conntrack has seen them."""
    if flow.state == UNTRACKED:
        return flow
    if flow.translation is None:
        return replace(flow, state=INVALID if _opens_none(flow) else _NEW)
    return replace(flow, state=_RELATED if flow.phase is Phase.ERROR else _ESTABLISHED)


def _opens_none(flow: Flow) -> bool:
    """Whether packets without a connection can't open one: replies of TCP and ICMP, and errors."""
    return flow.phase is Phase.ERROR or (flow.phase is Phase.REPLY and flow.service[0] >> 16 in REPLYING)


def _to_senders(flow: Flow) -> Sequence[Flow]:
    """Return the packets that go to where they came from; a host sends none to itself, unless NAT makes it so."""
    if flow.new_destination is not None:
        return cut(flow, SOURCE, flow.destinations).inside
    if flow.new_source is not None:
        return cut(flow, DESTINATION, flow.sources).inside
    return [flow] if flow.from_address == flow.to_address is not None else []


def _passed_bridge(way: _Way, device: str, *, certain: bool) -> End:
    said = "stays on the bridge, no rule sees it" if certain else "may stay on the bridge, where no rule sees it"
    step = Step("bridge", f"dev {device}", Did.BRIDGED, f"{said} ({BRIDGE_CALLS[way.flow.version]})", certain)
    return End(PacketVerdict.ACCEPT, replace(way.flow, oif=device), (*way.trail, step))


def _merged(ways: Iterable[_Way]) -> list[_Way]:
    """Make one of the ways that lead on with the same packets, or with packets that fit together."""
    ways = list(ways)
    if len(ways) < 2:
        return ways
    return [_Way(branch.flow, branch.trail) for branch in joined(Branch(Fate.ACCEPTED, *way) for way in ways)]
