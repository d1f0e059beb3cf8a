"""Where IPv6 packets go from a node, where that is decided in another way than for IPv4 (net/ipv6/route.c)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from netplan.kinds.policy.value import IPV6_DEFAULTS
from netplan.net import Prefix
from netplan.trace.addresses import LOOPBACK, no_sources
from netplan.trace.fib import LookupResult
from netplan.trace.flow import DESTINATION, NO_SOURCE, SOURCE, Flow
from netplan.trace.intervals import join, of_prefix, only
from netplan.trace.packet import REFUSALS, PacketVerdict, RoutingDecision, is_own, refusal, unknown, verdict_text
from netplan.trace.routing import BRIDGE_CALLS, Router
from netplan.trace.split import cut
from netplan.trace.table import NextHop

_LINK_LOCAL: Final = of_prefix(Prefix.parse("fe80::/10"))
_LOOPBACK: Final = only(1)


class Ipv6Router(Router):
    """Takes the routing decisions of a state about IPv6 (net/ipv6/ip6_input.c, ip6_output.c): sources are believed."""

    def _martian(self, flow: Flow) -> Generator[RoutingDecision, None, Sequence[Flow]]:
        martian = cut(flow, SOURCE, join(no_sources(6), _LOOPBACK))
        for part in martian.inside:
            yield refusal(part, PacketVerdict.DROP, f"dropped: {part.first_source} is no source")
        rest = [cut(part, DESTINATION, () if part.dnat else _LOOPBACK) for part in martian.outside]
        for part in (looped for split in rest for looped in split.inside):
            yield refusal(part, PacketVerdict.DROP, f"dropped: {part.first_destination} comes from outside")
        return [part for split in rest for part in split.outside]

    def _to_hosts(self, flow: Flow) -> Iterator[RoutingDecision]:
        """Follow packets that came by a device; one that is sent to ::1 is looked up among that device's routes."""
        if flow.destinations != _LOOPBACK:
            yield from super()._to_hosts(flow)
        elif self._fib.ruled:
            yield unknown(flow, f"{flow.to_address} comes from outside, and there are rules of routing")
        elif (route := self._fib.route_to(flow.first_destination)) is not None and route.oif == flow.iif:
            yield from self._onwards_by(LookupResult(IPV6_DEFAULTS[-1], NextHop(route, route.next_hop)), flow)
        else:
            verdict = PacketVerdict.DROP if self._redirected(flow) else PacketVerdict.REJECT
            yield refusal(flow, verdict, f"{verdict_text(verdict)}: no route to {flow.to_address} by {flow.iif}")

    def _onwards_by(self, result: LookupResult, flow: Flow) -> Iterator[RoutingDecision]:
        """Follow packets to where a look-up ends: no route, and one that refuses, come before forwarding is asked."""
        redirected = self._redirected(flow)
        if _refuses(result):
            for decision in self._routed(result, flow):
                yield decision._replace(verdict=PacketVerdict.DROP) if redirected else decision
        elif redirected and result.route is not None and result.route.oif == flow.iif:
            yield from self._routed(result, flow)
        elif is_own(result):
            yield from super()._onwards_by(result, flow)
        else:
            yield from self._beyond_link(result, flow)

    def _beyond_link(self, result: LookupResult, flow: Flow) -> Iterator[RoutingDecision]:
        """Follow packets to other hosts: link-local addresses are not forwarded."""
        to_link = cut(flow, DESTINATION, _LINK_LOCAL)
        for part in to_link.inside:
            yield unknown(part, "link-local addresses are those of one device's network")
        for other in to_link.outside:
            from_link = cut(other, SOURCE, _LINK_LOCAL)
            for part in from_link.inside:
                why = f"rejected: {part.first_source} is link-local, and is not forwarded"
                yield refusal(part, PacketVerdict.REJECT, why)
            for part in from_link.outside:
                yield from super()._onwards_by(result, part)

    def _believed(self, decision: RoutingDecision) -> Iterator[RoutingDecision]:
        yield decision

    def _leaving(self, decision: RoutingDecision) -> Iterator[RoutingDecision]:
        yield decision

    def _redirected(self, flow: Flow) -> bool:
        """Whether packets came by a bridge that routes them by their new destination (br_netfilter_ipv6.c).

        It sends them back to itself whatever the node forwards, and drops in silence what no route leads on.
        """
        called = self._settings.get(BRIDGE_CALLS[6], "0") != "0"
        return called and flow.dnat is True and self._fib.is_bridge(flow.iif or "")

    def _lookup_for_sending(self, flow: Flow) -> Iterator[tuple[Flow, LookupResult]]:
        """Look up by a source too: without one, where that ends nowhere (ip6_dst_lookup_tail), by one chosen for it."""
        for part, result in super()._lookup_for_sending(flow):
            source = self._fib.select_address(LOOPBACK, part.first_destination)
            if part.source != NO_SOURCE or source is None or not _refuses(result):
                yield part, result
            else:
                for again, result_again in super()._lookup_for_sending(replace(part, source=only(source.value))):
                    yield replace(again, source=NO_SOURCE), result_again


def _refuses(result: LookupResult) -> bool:
    """Whether a look-up ends nowhere."""
    if result.local or result.rule is None:
        return not result.local
    return result.rule.action in REFUSALS or (result.route is not None and result.route.type in REFUSALS)
