"""What matches ask of the node that packets come to: the way back, a local socket, whether it has IPsec.

The sources are the kernel's own: net/ipv4/netfilter/ipt_rpfilter.c and its counterpart of IPv6, and
net/netfilter/xt_socket.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Final

from msgspec.structs import replace

from netplan.net import Prefix
from netplan.netfilter.iptables.match import Match
from netplan.netfilter.iptables.names import POLICY
from netplan.trace.addresses import LOOPBACK
from netplan.trace.fib import Fib, LookupResult
from netplan.trace.firewall.first_packet import first_packet
from netplan.trace.flow import DESTINATION, NO_DEVICE, SOURCE, Flow, Mark
from netplan.trace.intervals import of_prefix
from netplan.trace.split import Split, Test, cells, cut, doubt, parted

_LINK_LOCAL: Final = of_prefix(Prefix.parse("fe80::/10"))


def _has_socket(_match: Match, fib: Fib | None) -> Iterator[Test]:
    """Ask for a process that packets are for: there is none for those that are not for this node."""

    def test(flow: Flow) -> Split:
        if fib is None or flow.iif in (None, NO_DEVICE):
            return doubt(flow)
        own = cut(flow, DESTINATION, fib.addresses_of("LOCAL"))
        return Split(doubtful=own.inside + own.doubtful, outside=own.outside)

    yield test


def _reverse_path(match: Match, fib: Fib | None) -> Iterator[Test]:
    """Ask whether an answer would leave by the device that packets came by, or with --loose at all."""
    names = {option.name for option in match.options}

    def test(flow: Flow) -> Split:
        if fib is None or flow.iif is None:
            return doubt(flow)
        near = Split((flow,)) if flow.iif == LOOPBACK else cut(flow, SOURCE, _LINK_LOCAL if fib.version == 6 else ())
        inside, doubtful, outside = [*near.inside], [*near.doubtful], list[Flow]()
        for part in near.outside:
            back = replace(part.turned(), mark=part.mark if "validmark" in names else Mark.of(0), iif=LOOPBACK)
            answers = [(answer.turned(), result) for answer, result in fib.lookup(back)]
            for cell, results in cells(part, answers):
                answered = {_leads_back(result, flow.iif, names) for result in results}
                known = answered.pop() if len(answered) == 1 else None
                (doubtful if known is None else inside if known else outside).append(cell)
        return Split(tuple(inside), tuple(doubtful), tuple(outside)).unless("invert" in names)

    yield test


def _leads_back(result: LookupResult, device: str, names: Set[str]) -> bool | None:
    """Whether a look-up ends at a route by which an answer leaves as it should; None if that is unknown."""
    route = result.route
    if result.local or (route is not None and route.type == "local"):
        return None if "accept-local" in names else False
    if route is None:
        return None if result.rule is not None and result.rule.unread else False
    devices = (route.oif, *(hop.oif for hop in route.hops))
    return route.type == "unicast" and ("loose" in names or device in devices)


def _ipsec(match: Match, fib: Fib | None) -> Iterator[Test]:
    """Ask what IPsec has to do with packets: nothing where the node has none of it (net/netfilter/xt_policy.c)."""
    if fib is None or fib.ipsec is not False:
        yield doubt
    else:
        yield lambda flow: parted(flow, first_packet(match, flow))


FIB_MATCHES: Final[dict[str, Callable[[Match, Fib | None], Iterator[Test]]]] = {
    POLICY: _ipsec,
    "rpfilter": _reverse_path,
    "socket": _has_socket,
}
"""What each of these matches asks, by its name."""
