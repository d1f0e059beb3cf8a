"""Whether a match holds for packets of a class: one function an option, SOMETIMES for all that is not here.

The sources are the kernel's own: net/netfilter/xt_*.c, and nft's counterparts, which answer alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from netplan.net import Prefix
from netplan.netfilter.iptables.extension import Option
from netplan.netfilter.iptables.match import Match
from netplan.netfilter.iptables.operands import AddressRange, Masked, Range
from netplan.trace.fib import Fib
from netplan.trace.firewall.sets import Sets
from netplan.trace.firewall.targets import MARKING
from netplan.trace.flow import NO_CONNECTION, NO_DEVICE, Flow, Holds, only_address

_SYN: Final = frozenset({"SYN"})
_APART: Final = (("LOCAL",), ("MULTICAST",), ("BROADCAST",))


def match_holds(match: Match, flow: Flow, fib: Fib | None, sets: Sets | None = None) -> Holds:
    """Whether all that a match asks holds."""
    if match.name == "comment" or match.name in MARKING:
        return Holds.ALWAYS
    if not match.known:
        return Holds.SOMETIMES
    if match.name == "set":
        return _set(match, flow, sets)
    if match.name in _WHOLE:
        return _WHOLE[match.name](match, flow, fib)
    return _all_options(match, flow)


def _all_options(match: Match, flow: Flow) -> Holds:
    all_hold = Holds.ALWAYS
    for option in match.options:
        answer = _OPTIONS.get((match.name, option.name))
        holds = Holds.SOMETIMES if answer is None else answer(option, flow).unless(option.negated)
        all_hold = min(all_hold, holds)
    return all_hold


def _set(match: Match, flow: Flow, sets: Sets | None) -> Holds:
    option = match.get("match-set")
    if sets is None or option is None:
        return Holds.SOMETIMES
    name, directions = option.values
    return sets.holds(name, directions.split(","), flow).unless(option.negated)


def _mark(option: Option, flow: Flow) -> Holds:
    named = option.masked
    if any(_contains(named, absent) for absent in flow.unmarked):
        return Holds.NEVER
    return flow.mark.is_one(named)


def _contains(named: Masked, absent: Masked) -> bool:
    """Whether a packet that carries one mark carries the other too."""
    return named.mask & absent.mask == absent.mask and named.value & absent.mask == absent.value


def _port(port: int | None, ranges: tuple[Range, ...]) -> Holds:
    return Holds.when(None if port is None else any(named.contains(port) for named in ranges))


def _sport(option: Option, flow: Flow) -> Holds:
    return _port(flow.sport, option.ranges)


def _dport(option: Option, flow: Flow) -> Holds:
    return _port(flow.dport, option.ranges)


def _either_port(option: Option, flow: Flow) -> Holds:
    return max(_sport(option, flow), _dport(option, flow))


def _tcp_flags(option: Option, flow: Flow) -> Holds:
    """Answer for the packet that opens a connection, which carries SYN alone."""
    if flow.state is None:
        return Holds.SOMETIMES
    looked_at, wanted = (frozenset(value.split(",")) - {"NONE"} for value in option.values)
    return Holds.when(looked_at & _SYN == wanted)


def _icmp_type(option: Option, flow: Flow) -> Holds:
    wanted = option.icmp_type
    if wanted is None:
        return Holds.ALWAYS
    if flow.icmp_type is None:
        return Holds.SOMETIMES
    number, code = flow.icmp_type
    return Holds.when(number == wanted[0] and wanted[1] in (None, code))


def _states(option: Option, flow: Flow) -> Holds:
    """Answer by conntrack's state and, for `ctstate`, by what was translated."""
    if flow.state in option.words or (flow.snat and "SNAT" in option.words):
        return Holds.ALWAYS
    if flow.dnat is not False and "DNAT" in option.words:
        return Holds.when(flow.dnat)
    return Holds.when(None if flow.state is None else False)


def _protocol(option: Option, flow: Flow) -> Holds:
    return Holds.when(None if flow.protocol is None else flow.protocol == int(option.text))


def _direction(option: Option, flow: Flow) -> Holds:
    """Answer for the packet that opens a connection, which is no reply."""
    return Holds.when(None if flow.state is None else option.text == "ORIGINAL")


def _original_source(option: Option, flow: Flow) -> Holds:
    address = flow.from_address
    known = not flow.snat and address is not None
    return Holds.when(option.network(flow.source.version).contains(address) if known and address else None)


def _original_destination(option: Option, flow: Flow) -> Holds:
    address = None if flow.dnat is None else only_address(flow.dialed or flow.destinations)
    return Holds.when(None if address is None else option.network(address.version).contains(address))


def _source_range(option: Option, flow: Flow) -> Holds:
    return _in_range((flow.source,), option.addresses)


def _destination_range(option: Option, flow: Flow) -> Holds:
    return _in_range(flow.destinations, option.addresses)


def _in_range(prefixes: tuple[Prefix, ...], named: AddressRange) -> Holds:
    """Whether addresses of the prefixes lie in a range: it holds the first and the last of each, or none at all."""
    answers = set()
    for prefix in prefixes:
        first, last = prefix.host(0), prefix.host(-1)
        inside = named.contains(first) and named.contains(last)
        apart = prefix.version != named.first.version or last < named.first or first > named.last
        answers.add(Holds.when(True if inside else False if apart else None))
    return answers.pop() if len(answers) == 1 else Holds.SOMETIMES


def _socket(_: Option, flow: Flow) -> Holds:
    """Answer for packets that this node only forwards, which no process sent."""
    return Holds.SOMETIMES if flow.iif in (None, NO_DEVICE) else Holds.NEVER


_OPTIONS: Final[dict[tuple[str, str], Callable[[Option, Flow], Holds]]] = {
    **{(protocol, "sport"): _sport for protocol in ("tcp", "udp", "sctp", "dccp")},
    **{(protocol, "dport"): _dport for protocol in ("tcp", "udp", "sctp", "dccp")},
    **{("owner", name): _socket for name in ("socket-exists", "uid-owner", "gid-owner")},
    ("conntrack", "ctstate"): _states,
    ("conntrack", "ctproto"): _protocol,
    ("conntrack", "ctdir"): _direction,
    ("conntrack", "ctorigsrc"): _original_source,
    ("conntrack", "ctorigdst"): _original_destination,
    ("icmp", "icmp-type"): _icmp_type,
    ("icmp6", "icmpv6-type"): _icmp_type,
    ("iprange", "src-range"): _source_range,
    ("iprange", "dst-range"): _destination_range,
    ("mark", "mark"): _mark,
    ("multiport", "sports"): _sport,
    ("multiport", "dports"): _dport,
    ("multiport", "ports"): _either_port,
    ("state", "state"): _states,
    ("tcp", "tcp-flags"): _tcp_flags,
}


def _conntrack(match: Match, flow: Flow, _fib: Fib | None) -> Holds:
    """Answer for a packet that has no connection by its state alone, or not at all (xt_conntrack.c)."""
    if flow.state in NO_CONNECTION:
        state = match.get("ctstate")
        return Holds.NEVER if state is None else _states(state, flow).unless(state.negated)
    return _all_options(match, flow)


def _connmark(match: Match, flow: Flow, _fib: Fib | None) -> Holds:
    option = match.get("mark")
    if flow.state in NO_CONNECTION or option is None:
        return Holds.NEVER
    return flow.connmark.is_one(option.masked).unless(option.negated)


def _statistic(match: Match, _flow: Flow, _fib: Fib | None) -> Holds:
    """Decide what is certain: a probability of 0 or 1, every packet."""
    probability, every = match.get("probability"), match.get("every")
    if probability is not None and float(probability.text) in (0.0, 1.0):
        return Holds.when(float(probability.text) == 1.0).unless(probability.negated)
    if every is not None and every.text == "1":
        return Holds.ALWAYS.unless(every.negated)
    return Holds.SOMETIMES


def _addrtype(match: Match, flow: Flow, fib: Fib | None) -> Holds:
    """Look addresses up as xt_addrtype.c does, in the local table alone: they are of four types only.

    Of IPv6 a local address is a unicast one too: there only questions for one type that no other includes are answered.
    """
    limits = (("limit-iface-in", flow.iif), ("limit-iface-out", flow.oif))
    limited = [device for option, device in limits if match.get(option) is not None]
    devices = [device for device in limited if device is not None]
    all_hold = Holds.ALWAYS
    for name, address in (("src-type", flow.from_address), ("dst-type", flow.to_address)):
        option = match.get(name)
        if option is None:
            continue
        known = None
        answerable = flow.version == 4 or option.words in _APART
        if answerable and fib is not None and address is not None and len(devices) == len(limited):
            known = fib.type_of(address, *devices)
        answer = Holds.SOMETIMES if known is None else Holds.when(known in option.words)
        all_hold = min(all_hold, answer.unless(option.negated))
    return all_hold


_WHOLE: Final[dict[str, Callable[[Match, Flow, Fib | None], Holds]]] = {
    "addrtype": _addrtype,
    "connmark": _connmark,
    "conntrack": _conntrack,
    "statistic": _statistic,
}
