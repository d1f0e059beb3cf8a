"""What matches ask of the node that packets come to: the type of an address, the way back, a local socket.

The sources are the kernel's own: net/netfilter/xt_addrtype.c, net/ipv4/netfilter/ipt_rpfilter.c and its counterpart of
IPv6, net/netfilter/xt_socket.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from netplan.net import Prefix
from netplan.netfilter.iptables.extension import Option
from netplan.netfilter.iptables.match import Match
from netplan.trace.addresses import LOOPBACK
from netplan.trace.fib import Fib, LookupResult
from netplan.trace.flow import DESTINATION, NO_DEVICE, SOURCE, Field, Flow, Mark
from netplan.trace.intervals import Intervals, join, of_prefix
from netplan.trace.split import Split, Test, cells, cut

_APART: Final = (("LOCAL",), ("MULTICAST",), ("BROADCAST",))
_LINK_LOCAL: Final = of_prefix(Prefix.parse("fe80::/10"))


def doubt(flow: Flow) -> Split:
    """Return the split by a condition that nobody here understands."""
    return Split(doubtful=(flow,))


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
    asked = {option.name for option in match.options}

    def test(flow: Flow) -> Split:
        if fib is None or flow.iif is None:
            return doubt(flow)
        near = Split((flow,)) if flow.iif == LOOPBACK else cut(flow, SOURCE, _LINK_LOCAL if fib.version == 6 else ())
        inside, doubtful, outside = [*near.inside], [*near.doubtful], list[Flow]()
        for part in near.outside:
            back = replace(part.turned(), mark=part.mark if "validmark" in asked else Mark.of(0), iif=LOOPBACK)
            answers = [(answer.turned(), result) for answer, result in fib.lookup(back)]
            for cell, results in cells(part, answers):
                held = {_leads_back(result, flow.iif, asked) for result in results}
                known = held.pop() if len(held) == 1 else None
                (doubtful if known is None else inside if known else outside).append(cell)
        return Split(tuple(inside), tuple(doubtful), tuple(outside)).unless("invert" in asked)

    yield test


def _leads_back(result: LookupResult, device: str, asked: set[str]) -> bool | None:
    """Whether a look-up ends at a route by which an answer leaves as it should; None if that is unknown."""
    route = result.route
    if result.local or (route is not None and route.type == "local"):
        return None if "accept-local" in asked else False
    if route is None:
        return None if result.rule is not None and result.rule.unread else False
    devices = (route.oif, *(hop.oif for hop in route.hops))
    return route.type == "unicast" and ("loose" in asked or device in devices)


def _address_types(match: Match, fib: Fib | None) -> Iterator[Test]:
    """Look addresses up as xt_addrtype.c does, in the local table alone: they are of four types only.

    Of IPv6 a local address is a unicast one too: there only questions for one type that no other includes are answered.
    """
    limits = {name for name in ("limit-iface-in", "limit-iface-out") if match.get(name) is not None}
    for name, field in (("src-type", SOURCE), ("dst-type", DESTINATION)):
        option = match.get(name)
        if option is not None:
            yield _address_type(option, field, fib, limits)


def _address_type(option: Option, field: Field, fib: Fib | None, limits: set[str]) -> Test:
    def test(flow: Flow) -> Split:
        limited = [flow.iif if limit == "limit-iface-in" else flow.oif for limit in sorted(limits)]
        devices = [device for device in limited if device is not None]
        answerable = flow.version == 4 or option.words in _APART
        if fib is None or not answerable or len(devices) < len(limited):
            return doubt(flow)
        wanted: Intervals = ()
        for word in option.words:
            wanted = join(wanted, fib.addresses_of(word, *devices))
        return cut(flow, field, wanted).unless(option.negated)

    return test


FIB_MATCHES: Final[dict[str, Callable[[Match, Fib | None], Iterator[Test]]]] = {
    "addrtype": _address_types,
    "rpfilter": _reverse_path,
    "socket": _has_socket,
}
"""What each of these matches asks, by its name."""
