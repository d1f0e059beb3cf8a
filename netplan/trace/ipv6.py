"""Where IPv6 packets go from a node, where that is decided in another way than for IPv4 (net/ipv6/route.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from netplan.kinds.policy.value import IPV6_DEFAULTS
from netplan.net import Address, Prefix
from netplan.trace.decision import REFUSALS, PacketVerdict, RoutingDecision, refusal, unknown, verdict_text
from netplan.trace.fib import LOOPBACK, LookupResult, is_loopback, is_martian_source
from netplan.trace.flow import Flow, single
from netplan.trace.routing import BRIDGE_CALLS, Router, is_own

_LINK_LOCAL: Final = Prefix.parse("fe80::/10")


class Ipv6Router(Router):
    """Takes the routing decisions of a state about IPv6 (net/ipv6/ip6_input.c, ip6_output.c): sources are believed."""

    def _martian(self, flow: Flow, source: Address, destination: Address) -> Iterator[RoutingDecision]:
        if is_martian_source(source) or is_loopback(source):
            yield refusal(flow, PacketVerdict.DROP, f"dropped: {source} is no source")
        elif is_loopback(destination) and not flow.dnat:
            yield refusal(flow, PacketVerdict.DROP, f"dropped: {destination} comes from outside")

    def _onwards(self, flow: Flow, destination: Address) -> Iterator[RoutingDecision]:
        """Follow packets that came by a device; one that is sent to ::1 is looked up among that device's routes."""
        if not is_loopback(destination):
            yield from super()._onwards(flow, destination)
        elif self._fib.ruled:
            yield unknown(flow, f"{destination} comes from outside, and there are rules of routing")
        elif (route := self._fib.route_to(destination)) is not None and route.oif == flow.iif:
            yield from self._onwards_by(LookupResult(IPV6_DEFAULTS[-1], route), flow, destination)
        else:
            verdict = PacketVerdict.DROP if self._redirected(flow) else PacketVerdict.REJECT
            yield refusal(flow, verdict, f"{verdict_text(verdict)}: no route to {destination} by {flow.iif}")

    def _onwards_by(self, result: LookupResult, flow: Flow, destination: Address) -> Iterator[RoutingDecision]:
        """Follow packets to where a look-up ends: no route, and one that refuses, come before forwarding is asked."""
        source = flow.from_address
        redirected = self._redirected(flow)
        if _refuses(result):
            decisions = self._routed(result, flow, destination)
            yield from (
                decision._replace(verdict=PacketVerdict.DROP) if redirected else decision for decision in decisions
            )
        elif redirected and result.route is not None and result.route.oif == flow.iif:
            yield from self._routed(result, flow, destination)
        elif _LINK_LOCAL.contains(destination) and not is_own(result):
            yield unknown(flow, "link-local addresses are those of one device's network")
        elif source is not None and _LINK_LOCAL.contains(source) and not is_own(result):
            yield refusal(flow, PacketVerdict.REJECT, f"rejected: {source} is link-local, and is not forwarded")
        else:
            yield from super()._onwards_by(result, flow, destination)

    def _disbelieved(
        self, _turn: RoutingDecision, _source: Address, _destination: Address
    ) -> Iterator[RoutingDecision]:
        return iter(())

    def _leaving(self, decision: RoutingDecision) -> Iterator[RoutingDecision]:
        yield decision

    def _redirected(self, flow: Flow) -> bool:
        """Whether packets came by a bridge that routes them by their new destination (br_netfilter_ipv6.c).

        It sends them back to itself whatever the node forwards, and drops in silence what no route leads on.
        """
        called = self._settings.get(BRIDGE_CALLS[6], "0") != "0"
        return called and flow.dnat is True and self._fib.is_bridge(flow.iif or "")

    def _lookup_for_sending(self, flow: Flow, destination: Address) -> Iterator[LookupResult]:
        """Look up by a source too: without one, where that ends nowhere (ip6_dst_lookup_tail), by one chosen for it."""
        for result in super()._lookup_for_sending(flow, destination):
            source = self._fib.select_address(LOOPBACK, destination)
            if flow.source.length or source is None or not _refuses(result):
                yield result
            else:
                yield from super()._lookup_for_sending(replace(flow, source=single(source)), destination)


def _refuses(result: LookupResult) -> bool:
    """Whether a look-up ends nowhere."""
    if result.local or result.rule is None:
        return not result.local
    return result.rule.action in REFUSALS or (result.route is not None and result.route.type in REFUSALS)
