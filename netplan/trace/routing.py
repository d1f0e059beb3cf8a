"""Where packets go from a node: to itself, or out by a device, or nowhere (net/ipv4/route.c, net/ipv6/route.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from netplan.kinds.route.value import Hop, Route
from netplan.kinds.sysctl.forwarding import FORWARDING
from netplan.net import Address, IfName
from netplan.trace.decision import REFUSALS, PacketVerdict, RoutingDecision, refusal, unknown, verdict_text
from netplan.trace.fib import LOOPBACK, Fib, LookupResult, Query, is_loopback, is_martian_source
from netplan.trace.firewall.targets import Did
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import UNKNOWN_MARK, Flow, Mark, single

Settings = Mapping[str, str]

BRIDGE_CALLS: Final = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}

_STRICT: Final = 1
_NUMBER: Final = re.compile("[0-9]{1,9}", re.ASCII)
"""What the kernel shows as the value of a setting; a record may say anything."""

_NO_SOURCE: Final = {4: Address(4, 0), 6: Address(6, 0)}


class Router:
    """Takes the routing decisions of a state about IPv4."""

    def __init__(self, fib: Fib, settings: Settings) -> None:
        self._fib = fib
        self._settings = settings

    def arriving(self, flow: Flow) -> Iterator[RoutingDecision]:
        """Decide on packets that came by a device; each of several answers is one that can't be ruled out."""
        source, destination = flow.from_address, flow.to_address
        if source is None or destination is None:
            yield unknown(flow, "its addresses are not known")
            return
        refused = list(self._martian(flow, source, destination))
        yield from refused
        if any(decision.steps[-1].certain for decision in refused):
            return
        for decision in self._onwards(flow, destination):
            refused = list(self._disbelieved(decision, source, destination)) if decision.verdict is None else []
            yield from refused
            if not any(drop.steps[-1].certain for drop in refused):
                yield decision

    def _onwards(self, flow: Flow, destination: Address) -> Iterator[RoutingDecision]:
        kind = self._fib.type_of(destination)
        if kind == "MULTICAST":
            yield unknown(flow, "multicast goes where its routing daemon says")
        elif kind == "BROADCAST" and self._fib.sharer(destination) is None:
            yield self._delivered(flow, destination)
        else:
            for result in self._fib.lookup(_query(flow, destination, flow.iif or "")):
                yield from self._onwards_by(result, flow, destination)

    def _onwards_by(self, result: LookupResult, flow: Flow, destination: Address) -> Iterator[RoutingDecision]:
        """Follow packets that came by a device to where a look-up ends; what is not for this node it must forward."""
        forward = self._settings.get(FORWARDING[flow.version])
        own = is_own(result)
        if not own and forward != "1":
            why = f"dropped: {FORWARDING[flow.version]} is {forward or 'not known'}"
            yield refusal(flow, PacketVerdict.DROP, why, forward == "0")
        if own or forward != "0":
            yield from self._routed(result, flow, destination)

    def sent(self, flow: Flow) -> Iterator[RoutingDecision]:
        """Decide on packets that a process of this node sends; one without a source gets the one of its route."""
        destination = flow.to_address
        if destination is None:
            yield unknown(flow, "where it goes is not known")
        else:
            for result in self._lookup_for_sending(flow, destination):
                for decision in self._sent_by(result, flow, destination):
                    yield from [_looped(decision)] if decision.local else self._leaving(decision)

    def _lookup_for_sending(self, flow: Flow, destination: Address) -> Iterator[LookupResult]:
        return self._fib.lookup(_query(flow, destination, LOOPBACK))

    def _sent_by(self, result: LookupResult, flow: Flow, destination: Address) -> Iterator[RoutingDecision]:
        """Follow packets that this node sends to where a look-up ends."""
        device = self._fib.sharer(destination)
        if not result.local:
            yield from self._routed(result, flow, destination)
        elif self._fib.holder(destination) is not None or device is None or flow.version == 6:
            yield from self._routed(result, _from(flow, self._fib.own_source(destination)), destination)
        else:
            source = self._fib.select_address(device, destination)
            decision = _out(_from(flow, source), Hop(IfName(device), None), f"broadcast {destination} dev {device}")
            yield decision.behind(_way_to(result))

    def _leaving(self, decision: RoutingDecision) -> Iterator[RoutingDecision]:
        """Refuse to send from a loopback address to somewhere else, unless a setting allows it."""
        source, device = decision.flow.from_address, decision.flow.oif
        allowed: int | None = 1
        if source is not None and is_loopback(source) and device != LOOPBACK and decision.verdict is None:
            allowed = self._of_device("route_localnet", device or "")
        if allowed != 1:
            why = f"dropped: {source} is not to leave this node (route_localnet)"
            yield refusal(decision.flow, PacketVerdict.DROP, why, allowed is not None)
        if allowed != 0:
            yield decision

    def on_link(self, flow: Flow, device: str) -> bool:
        """Whether packets go straight to a host on a device's own network."""
        destination = flow.to_address
        if destination is None or self._fib.type_of(destination) != "UNICAST":
            return False
        route = self._fib.route_to(destination)
        return route is not None and route.oif == device and route.next_hop is None and route.type == "unicast"

    def _delivered(self, flow: Flow, destination: Address) -> RoutingDecision:
        device = self._fib.holder(destination) or self._fib.sharer(destination)
        place = f"{destination} dev {device}" if device else str(destination)
        step = Step("local address", place, Did.DELIVERED, "for this node")
        return RoutingDecision(flow, (step,), local=True)

    def _routed(self, result: LookupResult, flow: Flow, destination: Address) -> Iterator[RoutingDecision]:
        """Take packets to where a look-up ends."""
        steps = _way_to(result)
        for decision in self._taken(result, flow, destination):
            yield decision.behind(steps)

    def _taken(self, result: LookupResult, flow: Flow, destination: Address) -> Iterator[RoutingDecision]:
        rule, route = result.rule, result.route
        if result.local:
            yield self._delivered(flow, destination)
        elif rule is None:
            yield refusal(flow, PacketVerdict.REJECT, f"rejected: no route to {destination}")
        elif rule.action in REFUSALS:
            verdict = REFUSALS[rule.action]
            yield RoutingDecision(flow, (Step(rule.label, str(rule), Did.REFUSED, verdict_text(verdict)),), verdict)
        elif route is None:
            yield unknown(flow, "which table this rule names is not known", str(rule))
        elif route.type in REFUSALS:
            verdict = REFUSALS[route.type]
            yield RoutingDecision(flow, (Step("route", str(route), Did.REFUSED, verdict_text(verdict)),), verdict)
        elif route.type == "local":
            step = Step("route", str(route), Did.DELIVERED, "for this node")
            yield RoutingDecision(_from(flow, self._fib.own_source(destination, route)), (step,), local=True)
        elif route.type == "unicast":
            yield from self._hops(flow, route, destination)
        else:
            yield unknown(flow, "a route of this type is not followed", str(route))

    def _hops(self, flow: Flow, route: Route, destination: Address) -> Iterator[RoutingDecision]:
        """Take a route: any of its hops, where there are several."""
        hops = route.hops or (Hop(route.oif, route.next_hop),)
        for hop in hops:
            if hop.oif is None:
                yield unknown(flow, "the device of this route is not known", str(route))
                continue
            source = self._fib.source(route, hop.oif, hop.next_hop, destination)
            yield _out(_from(flow, source), hop, str(route), certain=len(hops) == 1)

    def _martian(self, flow: Flow, source: Address, destination: Address) -> Iterator[RoutingDecision]:
        """Refuse addresses that no packet may have which comes from outside."""
        if is_martian_source(source):
            yield refusal(flow, PacketVerdict.DROP, f"dropped: {source} is no source")
        elif is_loopback(source) or is_loopback(destination):
            yield from self._unless(flow, "route_localnet", "a loopback address comes from outside")

    def _disbelieved(
        self, decision: RoutingDecision, source: Address, destination: Address
    ) -> Iterator[RoutingDecision]:
        """Refuse what cannot come by this device, as fib_validate_source does once it is known where packets go.

        The answer is looked up as if it came by the device that packets go to.
        """
        flow = decision.flow
        marked = self._of_device("src_valid_mark", flow.iif or "")
        mark = UNKNOWN_MARK if marked is None else flow.mark if marked else Mark.of(0)
        back = Query(source, destination, mark, LOOPBACK if decision.local else flow.oif or "")
        answers = list(self._fib.lookup(back))
        refused = [list(self._unanswered(result, flow, source)) for result in answers]
        sure = all(any(decision.steps[-1].certain for decision in decisions) for decisions in refused)
        for result, decisions in zip(answers, refused, strict=True):
            for drop in decisions:
                yield drop.behind(_doubts(result)) if sure else drop.doubted().behind(_doubts(result))

    def _unanswered(self, result: LookupResult, flow: Flow, source: Address) -> Iterator[RoutingDecision]:
        """Refuse a source by where the look-up of an answer ends (net/ipv4/fib_frontend.c, __fib_validate_source).

        A source of this node itself is refused; with rp_filter 1 one to which an answer would leave by another device,
        and with 2 one to which no answer leaves at all.
        """
        device = flow.iif or ""
        devices = self._answers_by(result, source)
        broadcast = self._fib.type_of(source) == "BROADCAST"
        if is_own(result) and not broadcast:
            yield from self._unless(flow, "accept_local", f"{source} is this node's own")
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
        if route is None or route.type not in ("unicast", "local"):
            return []
        return [route.oif, *(hop.oif for hop in route.hops)]

    def _unless(self, flow: Flow, name: str, why: str) -> Iterator[RoutingDecision]:
        value = self._of_device(name, flow.iif or "")
        if value != 1:
            yield refusal(flow, PacketVerdict.DROP, f"dropped: {why} ({name})", value is not None)

    def _of_device(self, name: str, device: str) -> int | None:
        """Return the greater of a setting for all devices and for one, as the kernel does; None if it is not known."""
        texts = [self._settings.get(_setting(scope, name), "") for scope in ("all", device)]
        return max(map(int, texts)) if all(map(_NUMBER.fullmatch, texts)) else None


def settings_of(device: str) -> tuple[str, ...]:
    """Return the settings that decide whether packets are believed which come in by a device, or by `all` of them."""
    return tuple(_setting(device, name) for name in ("accept_local", "route_localnet", "rp_filter", "src_valid_mark"))


def _setting(device: str, name: str) -> str:
    return f"net.ipv4.conf.{device.replace('.', '/')}.{name}"


def _query(flow: Flow, destination: Address, iif: str) -> Query:
    return Query(destination, flow.from_address or _NO_SOURCE[destination.version], flow.mark, iif)


def is_own(result: LookupResult) -> bool:
    """Whether a look-up ends at this node itself."""
    return result.local or (result.route is not None and result.route.type == "local")


def _doubts(result: LookupResult) -> tuple[Step, ...]:
    return tuple(
        Step(rule.label, str(rule), Did.SELECTED_TABLE, "may select it", certain=False) for rule in result.doubts
    )


def _way_to(result: LookupResult) -> tuple[Step, ...]:
    """Tell of the rules that led to a route, where they are not those of every node."""
    rule = result.rule
    if rule is None or result.usual or rule in result.doubts or rule.action in REFUSALS:
        return _doubts(result)
    return (*_doubts(result), Step(rule.label, str(rule), Did.SELECTED_TABLE, f"looked up in table {rule.table_name}"))


def _from(flow: Flow, source: Address | None) -> Flow:
    """Return a flow its source if it has none yet."""
    if flow.source.length or source is None:
        return flow
    return replace(flow, source=single(source))


def _looped(decision: RoutingDecision) -> RoutingDecision:
    """Return packets that this node sends to itself with the device that they leave by."""
    return decision._replace(flow=replace(decision.flow, oif=LOOPBACK, next_hop=None))


def _out(flow: Flow, hop: Hop, route: str, *, certain: bool = True) -> RoutingDecision:
    way = f"via {hop.next_hop} dev {hop.oif}" if hop.next_hop is not None else f"dev {hop.oif}"
    step = Step("route", route, Did.ROUTED, f"leaves {way}" if certain else f"may leave {way}", certain)
    return RoutingDecision(replace(flow, oif=hop.oif, next_hop=hop.next_hop), (step,))
