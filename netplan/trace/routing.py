"""Where packets go from a node: to itself, or out by a device, or nowhere (net/ipv4/route.c, net/ipv6/route.c)."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from netplan.kinds.sysctl.forwarding import deciding
from netplan.net import Address, IfName
from netplan.trace.addresses import LOOPBACK, LOOPBACK_NET, no_sources
from netplan.trace.fib import Fib, LookupResult
from netplan.trace.firewall.targets import Did
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import DESTINATION, SOURCE, UNKNOWN_MARK, Field, Flow, Mark, Phase, Various
from netplan.trace.intervals import Intervals, of_prefix
from netplan.trace.packet import (
    REFUSALS,
    PacketVerdict,
    RoutingDecision,
    doubts_of,
    is_own,
    refusal,
    unknown,
    verdict_text,
    way_to,
    with_source,
)
from netplan.trace.split import cells, cut
from netplan.trace.table import NextHop

Settings = Mapping[str, str]

BRIDGE_CALLS: Final = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}

_STRICT: Final = 1
_NUMBER: Final = re.compile("[0-9]{1,9}", re.ASCII)
"""What the kernel shows as the value of a setting; a record may say anything."""


class Router:
    """Takes the routing decisions of a state about IPv4.

    Of several decisions about the same packets each is one that can't be ruled out.
    """

    def __init__(self, fib: Fib, settings: Settings) -> None:
        self._fib = fib
        self._settings = settings

    def arriving(self, flow: Flow) -> Iterator[RoutingDecision]:
        """Decide on packets that came by a device."""
        if not flow.known:
            yield unknown(flow, "its addresses are not known")
            return
        rest = yield from self._martian(flow)
        for part in rest:
            for decision in self._onwards(part):
                yield from [decision] if decision.verdict is not None else self._believed(decision)

    def _onwards(self, flow: Flow) -> Iterator[RoutingDecision]:
        multicast, others = _divided(flow, DESTINATION, self._fib.addresses_of("MULTICAST"))
        for part in multicast:
            yield unknown(part, "multicast goes where its routing daemon says")
        for part in others:
            yield from self._to_hosts(part)

    def _to_hosts(self, flow: Flow) -> Iterator[RoutingDecision]:
        everywhere, others = _divided(flow, DESTINATION, self._fib.broadcasts)
        for part in everywhere:
            yield self._delivered(part)
        for part in others:
            for looked_up, result in self._fib.lookup(part):
                yield from self._onwards_by(result, looked_up)

    def _onwards_by(self, result: LookupResult, flow: Flow) -> Iterator[RoutingDecision]:
        """Follow packets that came by a device to where a look-up ends; what is not for this node it must forward."""
        name, forward = deciding(self._settings, flow.version, flow.iif or "")
        if not is_own(result) and forward != "1":
            why = f"dropped: {name} is {forward or 'not known'}"
            yield refusal(flow, PacketVerdict.DROP, why, forward == "0")
        if is_own(result) or forward != "0":
            yield from self._routed(result, flow)

    def sent(self, flow: Flow) -> Iterator[RoutingDecision]:
        """Decide on packets that a process of this node sends; one without a source gets the one of its route."""
        if not flow.known:
            yield unknown(flow, "where it goes is not known")
            return
        for sendable in (yield from self._not_sendable(flow)):
            for part, result in self._lookup_for_sending(replace(sendable, iif=LOOPBACK)):
                for decision in self._sent_by(result, replace(part, iif=flow.iif)):
                    yield from [_looped(decision)] if decision.local else self._leaving(decision)

    def _not_sendable(self, flow: Flow) -> Generator[RoutingDecision, None, Sequence[Flow]]:
        """Refuse replies from what table local does not have, which IPv4 does not send (net/ipv4/devinet.c).

        Such an address is this node's by a local route of another table. Return the other packets.
        """
        if flow.version == 6 or flow.phase is not Phase.REPLY:
            return [flow]
        own, others = _divided(flow, SOURCE, self._fib.addresses_of("LOCAL"))
        for part in others:
            yield refusal(part, PacketVerdict.DROP, f"dropped: {part.first_source} is not in table local")
        return own

    def _lookup_for_sending(self, flow: Flow) -> Iterator[tuple[Flow, LookupResult]]:
        return self._fib.lookup(flow)

    def _sent_by(self, result: LookupResult, flow: Flow) -> Iterator[RoutingDecision]:
        """Follow packets that this node sends to where a look-up ends."""
        destination = flow.first_destination
        device = self._fib.sharer(destination)
        if not result.local:
            yield from self._routed(result, flow)
        elif self._fib.holder(destination) is not None or device is None or flow.version == 6:
            yield from self._routed(result, with_source(flow, self._fib.own_source(destination)))
        else:
            source = self._fib.select_address(device, destination)
            decision = _out(with_source(flow, source), IfName(device), None, f"broadcast {destination} dev {device}")
            yield decision.behind(way_to(result))

    def _leaving(self, decision: RoutingDecision) -> Iterator[RoutingDecision]:
        """Refuse to send from a loopback address to somewhere else, unless a setting allows it."""
        device = decision.flow.oif
        if device == LOOPBACK or decision.verdict is not None:
            yield decision
            return
        looped, others = _divided(decision.flow, SOURCE, of_prefix(LOOPBACK_NET[4]))
        allowed = self._is_set("route_localnet", device or "")
        for part in looped if not allowed else ():
            why = f"dropped: {part.from_address} is not to leave this node (route_localnet)"
            yield refusal(part, PacketVerdict.DROP, why, allowed is not None)
        for part in [*(looped if allowed is not False else ()), *others]:
            yield decision._replace(flow=part)

    def on_link(self, flow: Flow, device: str) -> tuple[Sequence[Flow], Sequence[Flow]]:
        """Divide packets into those that go straight to a host on a device's own network, and all others."""
        return _divided(flow, DESTINATION, self._fib.on_link(device))

    def _delivered(self, flow: Flow) -> RoutingDecision:
        destination = flow.first_destination
        device = self._fib.holder(destination) or self._fib.sharer(destination)
        place = f"{destination} dev {device}" if device else str(destination)
        step = Step("local address", place, Did.DELIVERED, "for this node")
        return RoutingDecision(flow, (step,), local=True)

    def _routed(self, result: LookupResult, flow: Flow) -> Iterator[RoutingDecision]:
        """Take packets to where a look-up ends."""
        steps = way_to(result)
        for decision in self._taken(result, flow):
            yield decision.behind(steps)

    def _taken(self, result: LookupResult, flow: Flow) -> Iterator[RoutingDecision]:
        rule, route = result.rule, result.route
        if result.local:
            yield self._delivered(flow)
        elif rule is None:
            yield refusal(flow, PacketVerdict.REJECT, f"rejected: no route to {flow.first_destination}")
        elif rule.action in REFUSALS:
            verdict = REFUSALS[rule.action]
            yield RoutingDecision(flow, (Step(rule.label, str(rule), Did.REFUSED, verdict_text(verdict)),), verdict)
        elif route is None or result.hop is None:
            yield unknown(flow, "which table this rule names is not known", str(rule))
        elif route.type in REFUSALS:
            verdict = REFUSALS[route.type]
            yield RoutingDecision(flow, (Step("route", str(route), Did.REFUSED, verdict_text(verdict)),), verdict)
        elif route.type == "local":
            step = Step("route", str(route), Did.DELIVERED, "for this node")
            source = self._fib.own_source(flow.first_destination, route)
            yield RoutingDecision(with_source(flow, source), (step,), local=True)
        elif route.type == "unicast":
            yield from self._hops(flow, result.hop)
        else:
            yield unknown(flow, "a route of this type is not followed", str(route))

    def _hops(self, flow: Flow, hop: NextHop) -> Iterator[RoutingDecision]:
        """Take a route: any of its hops, where there are several."""
        route = hop.route
        hops = [(way.oif, way.next_hop) for way in route.hops] or [(route.oif, route.next_hop)]
        for oif, next_hop in hops:
            if oif is None:
                yield unknown(flow, "the device of this route is not known", str(route))
                continue
            source = self._fib.source(route, oif, next_hop, flow.first_destination)
            sent = with_source(flow, source)
            yield _out(sent, oif, next_hop if route.hops else hop.next_hop, str(route), certain=len(hops) == 1)

    def _martian(self, flow: Flow) -> Generator[RoutingDecision, None, Sequence[Flow]]:
        """Refuse addresses that no packet may have which comes from outside; return the other packets."""
        martian, rest = _divided(flow, SOURCE, no_sources(4))
        for part in martian:
            yield refusal(part, PacketVerdict.DROP, f"dropped: {part.first_source} is no source")
        passed: list[Flow] = []
        for field in (SOURCE, DESTINATION):
            divided = [_divided(part, field, of_prefix(LOOPBACK_NET[4])) for part in rest]
            for part in (part for inside, _ in divided for part in inside):
                allowed = self._is_set("route_localnet", part.iif or "")
                if not allowed:
                    why = "dropped: a loopback address comes from outside (route_localnet)"
                    yield refusal(part, PacketVerdict.DROP, why, allowed is not None)
                passed += [part] if allowed is not False else []
            rest = [part for _, others in divided for part in others]
        return [*rest, *passed]

    def _believed(self, decision: RoutingDecision) -> Iterator[RoutingDecision]:
        """Refuse what cannot come by this device, as fib_validate_source does once it is known where packets go.

        The answer is looked up as if it came by the device that packets go to.
        """
        flow = decision.flow
        marked = self._is_set("src_valid_mark", flow.iif or "")
        mark = UNKNOWN_MARK if marked is None else flow.mark if marked else Mark.of(0)
        broadcast, others = _divided(flow, SOURCE, self._fib.addresses_of("BROADCAST"))
        for part, is_broadcast in [*((flow, True) for flow in broadcast), *((flow, False) for flow in others)]:
            back = replace(part.turned(), mark=mark, iif=LOOPBACK if decision.local else flow.oif or "")
            answers = [(answer.turned(), result) for answer, result in self._fib.lookup(back)]
            for cell, results in cells(part, answers):
                yield from self._by_answers(decision._replace(flow=cell), results, broadcast=is_broadcast)

    def _by_answers(
        self, decision: RoutingDecision, results: Sequence[LookupResult], *, broadcast: bool
    ) -> Iterator[RoutingDecision]:
        flow = decision.flow
        refused = [list(self._unanswered(result, flow, broadcast=broadcast)) for result in results]
        sure = all(any(drop.steps[-1].certain for drop in drops) for drops in refused)
        for result, drops in zip(results, refused, strict=True):
            for drop in drops:
                yield drop.behind(doubts_of(result)) if sure else drop.doubted().behind(doubts_of(result))
        if not sure:
            yield decision

    def _unanswered(self, result: LookupResult, flow: Flow, *, broadcast: bool) -> Iterator[RoutingDecision]:
        """Refuse a source by where the look-up of an answer ends (net/ipv4/fib_frontend.c, __fib_validate_source).

        A source of this node itself is refused; with rp_filter 1 one to which an answer would leave by another device,
        and with 2 one to which no answer leaves at all.
        """
        device, source = flow.iif or "", flow.first_source
        devices = self._answers_by(result, source)
        if is_own(result) and not broadcast:
            accepted = self._is_set("accept_local", device)
            if not accepted:
                why = f"dropped: {source} is this node's own (accept_local)"
                yield refusal(flow, PacketVerdict.DROP, why, accepted is not None)
        if device in devices and not broadcast:
            return
        mode = self._of_device("rp_filter", device)
        if mode in (None, _STRICT) or (not devices and mode) or broadcast:
            why = f"dropped: no answer to {source} leaves by {device} (rp_filter)"
            yield refusal(flow, PacketVerdict.DROP, why, bool(mode) or (broadcast and self._fib.ruled))

    def _answers_by(self, result: LookupResult, source: Address) -> list[str | None]:
        """Return the devices by which an answer may leave; none if there is no way to the source."""
        if result.local:
            return [self._fib.holder(source)]
        route = result.route
        leads = route is not None and route.type in ("unicast", "local")
        return [route.oif, *(hop.oif for hop in route.hops)] if route is not None and leads else []

    def _is_set(self, name: str, device: str) -> bool | None:
        """Return whether a setting that says yes or no is not 0 for all devices or for one; None if it is not known."""
        return None if (value := self._of_device(name, device)) is None else value != 0

    def _of_device(self, name: str, device: str) -> int | None:
        """Return the greater of a setting for all devices and for one, as the kernel does; None if it is not known."""
        texts = [self._settings.get(_setting(scope, name), "") for scope in ("all", device)]
        return max(map(int, texts)) if all(map(_NUMBER.fullmatch, texts)) else None


def settings_of(device: str) -> tuple[str, ...]:
    """Return the settings that decide whether packets are believed which come in by a device, or by `all` of them."""
    return tuple(_setting(device, name) for name in ("accept_local", "route_localnet", "rp_filter", "src_valid_mark"))


def _setting(device: str, name: str) -> str:
    return f"net.ipv4.conf.{device.replace('.', '/')}.{name}"


def _divided(flow: Flow, field: Field, addresses: Intervals) -> tuple[Sequence[Flow], Sequence[Flow]]:
    """Return the packets that have one of some addresses, and the others; each address of a routed one is known."""
    split = cut(flow, field, addresses)
    return split.inside, split.outside


def _looped(decision: RoutingDecision) -> RoutingDecision:
    """Return packets that this node sends to itself with the device that they leave by."""
    return decision._replace(flow=replace(decision.flow, oif=LOOPBACK, next_hop=None))


def _out(
    flow: Flow, oif: IfName, next_hop: Address | Various | None, route: str, *, certain: bool = True
) -> RoutingDecision:
    """Return the decision on packets that leave by a device, or may."""
    hop = next_hop.value if isinstance(next_hop, Various) else next_hop
    way = f"via {hop} dev {oif}" if hop is not None else f"dev {oif}"
    step = Step("route", route, Did.ROUTED, f"leaves {way}" if certain else f"may leave {way}", certain)
    return RoutingDecision(replace(flow, oif=oif, next_hop=next_hop), (step,))
