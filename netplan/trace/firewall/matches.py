"""What matches ask, as conditions that split flows: one function an option, doubt for all that is not here.

The sources are the kernel's own: net/netfilter/xt_*.c, and nft's counterparts, which answer alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from netplan.netfilter.iptables.extension import Option
from netplan.netfilter.iptables.match import Match
from netplan.netfilter.iptables.names import ICMP, ICMPV6
from netplan.netfilter.iptables.operands import BITS, AddressMask, Condition, Range
from netplan.trace.fib import Fib
from netplan.trace.firewall.fib_matches import FIB_MATCHES
from netplan.trace.firewall.first_packet import FIRST_PACKET, first_packet
from netplan.trace.firewall.sets import Sets
from netplan.trace.firewall.targets import MARKING
from netplan.trace.flow import (
    DESTINATION,
    NO_CONNECTION,
    NO_DEVICE,
    SERVICE,
    SOURCE,
    SPORT,
    Field,
    Flow,
    Holds,
    Phase,
    services,
)
from netplan.trace.intervals import Intervals, join, union
from netplan.trace.split import Split, Test, any_of, cut, doubt, parted, split_by

_FLAGS: Final = {
    Phase.FIRST: frozenset({"SYN"}),
    Phase.LATER: frozenset({"ACK"}),
    Phase.REPLY: frozenset({"SYN", "ACK"}),
    Phase.ERROR: frozenset[str](),
}
"""The flags of the packets of a TCP handshake."""

_TURNED: Final = {SOURCE: DESTINATION, DESTINATION: SOURCE}
_APART: Final = (("LOCAL",), ("MULTICAST",), ("BROADCAST",))
_WITH_PORTS: Final = (6, 17, 33, 132, 136)
_ICMP: Final = {"icmp": ICMP, "icmp6": ICMPV6}

Protocol = Condition[int] | None


def match_tests(match: Match, protocol: Protocol, fib: Fib | None, sets: Sets | None) -> Iterator[Test]:
    """Compile what a match asks of packets of the protocol that its rule asks for."""
    if match.name == "comment" or match.name in MARKING:
        return
    if match.name in FIB_MATCHES:
        yield from FIB_MATCHES[match.name](match, fib)
    elif match.name in FIRST_PACKET:
        yield lambda flow: parted(flow, first_packet(match, flow))
    elif not match.known:
        yield doubt
    elif match.name == "set":
        yield _set(match, sets)
    elif match.name == "addrtype":
        yield from _address_types(match, fib)
    elif match.name in _WHOLE:
        whole = _WHOLE[match.name]
        yield lambda flow: parted(flow, whole(match, flow))
    elif match.name == "conntrack":
        yield _conntrack(match, [_option(match, option, protocol) for option in match.options])
    else:
        for option in match.options:
            yield _option(match, option, protocol)


def _option(match: Match, option: Option, protocol: Protocol) -> Test:
    key = (match.name, option.name)
    negated = option.negated
    if key in _FIELDS:
        field, original, read = _FIELDS[key]
        wanted = read(match, option, protocol)
        if original:
            return lambda flow: _of_connection(flow, field, wanted).unless(negated)
        return lambda flow: cut(flow, field, wanted).unless(negated)
    if key == ("multiport", "ports"):
        return _either_port(option, protocol)
    answer = _LABELS.get(key)
    if answer is None:
        return doubt
    return lambda flow: parted(flow, answer(option, flow).unless(negated))


def _of_connection(flow: Flow, field: Field, wanted: Intervals) -> Split:
    """Ask for the header with which the first packets of connections came; an error has another protocol than they."""
    if flow.phase is Phase.ERROR and field is SERVICE:
        return Split(doubtful=(flow,))
    return cut(flow, _TURNED.get(field, field) if flow.phase.back else field, wanted, original=True)


def _ports(ranges: Iterable[Range]) -> Intervals:
    return union((named.first, named.last) for named in ranges)


def _sport(_match: Match, option: Option, _protocol: Protocol) -> Intervals:
    return _ports(option.ranges)


def _dport(_match: Match, option: Option, protocol: Protocol) -> Intervals:
    known = protocol is not None and not protocol.negated
    return services([protocol.value] if known and protocol else _WITH_PORTS, _ports(option.ranges))


def _icmp_type(match: Match, option: Option, _protocol: Protocol) -> Intervals:
    number = _ICMP[match.name]
    if option.icmp_type is None:
        return services([number])
    kind, code = option.icmp_type
    return services([number], (kind << 8, kind << 8 | 0xFF) if code is None else (kind << 8 | code,) * 2)


def _protocol(_match: Match, option: Option, _protocol: Protocol) -> Intervals:
    return services([int(option.text)])


def _range(_match: Match, option: Option, _protocol: Protocol) -> Intervals:
    return (option.addresses.first.value, option.addresses.last.value)


def _network(_match: Match, option: Option, _protocol: Protocol) -> Intervals:
    version = 6 if ":" in option.text else 4
    prefix = AddressMask.parse(option.text, version).prefix
    return (0, (1 << BITS[version]) - 1) if prefix is None else (prefix.value, prefix.value + prefix.size - 1)


_Reader = Callable[[Match, Option, Protocol], Intervals]

_FIELDS: Final[dict[tuple[str, str], tuple[Field, bool, _Reader]]] = {
    **{(name, "sport"): (SPORT, False, _sport) for name in ("tcp", "udp", "sctp", "dccp")},
    **{(name, "dport"): (SERVICE, False, _dport) for name in ("tcp", "udp", "sctp", "dccp")},
    ("conntrack", "ctproto"): (SERVICE, True, _protocol),
    ("conntrack", "ctorigsrc"): (SOURCE, True, _network),
    ("conntrack", "ctorigdst"): (DESTINATION, True, _network),
    ("icmp", "icmp-type"): (SERVICE, False, _icmp_type),
    ("icmp6", "icmpv6-type"): (SERVICE, False, _icmp_type),
    ("iprange", "src-range"): (SOURCE, False, _range),
    ("iprange", "dst-range"): (DESTINATION, False, _range),
    ("multiport", "sports"): (SPORT, False, _sport),
    ("multiport", "dports"): (SERVICE, False, _dport),
}
"""The options about a part of the header, whether as it was in the beginning, and which values they name."""


def _either_port(option: Option, protocol: Protocol) -> Test:
    sports, dports = _ports(option.ranges), _dport(Match("multiport"), option, protocol)
    either = any_of([lambda flow: cut(flow, SPORT, sports), lambda flow: cut(flow, SERVICE, dports)])
    return lambda flow: either(flow).unless(option.negated)


def _set(match: Match, sets: Sets | None) -> Test:
    option = match.get("match-set")
    if sets is None or option is None:
        return doubt
    name, directions = option.values
    member = sets.test(name, directions.split(","))
    return lambda flow: member(flow).unless(option.negated)


def _mark(option: Option, flow: Flow) -> Holds:
    return flow.mark.is_one(option.masked)


def _tcp_flags(option: Option, flow: Flow) -> Holds:
    """Answer for the packets that open a connection: SYN, the reply SYN and ACK, and ACK."""
    if flow.state is None and flow.phase is Phase.FIRST:
        return Holds.SOMETIMES
    looked_at, wanted = (frozenset(value.split(",")) - {"NONE"} for value in option.values)
    return Holds.when(looked_at & _FLAGS[flow.phase] == wanted)


def _states(option: Option, flow: Flow) -> Holds:
    """Answer by conntrack's state and, for `ctstate`, by what was translated."""
    if flow.state in option.words or (flow.snat and "SNAT" in option.words):
        return Holds.ALWAYS
    if flow.dnat is not False and "DNAT" in option.words:
        return Holds.when(flow.dnat)
    return Holds.when(None if flow.state is None else False)


def _direction(option: Option, flow: Flow) -> Holds:
    back = flow.phase.back and flow.translation is not None
    return Holds.when(None if flow.state is None else (option.text == "REPLY") is back)


def _socket(_: Option, flow: Flow) -> Holds:
    """Answer for packets that this node only forwards, which no process sent."""
    return Holds.SOMETIMES if flow.iif in (None, NO_DEVICE) else Holds.NEVER


_LABELS: Final[dict[tuple[str, str], Callable[[Option, Flow], Holds]]] = {
    **{("owner", name): _socket for name in ("socket-exists", "uid-owner", "gid-owner")},
    ("conntrack", "ctstate"): _states,
    ("conntrack", "ctdir"): _direction,
    ("mark", "mark"): _mark,
    ("state", "state"): _states,
    ("tcp", "tcp-flags"): _tcp_flags,
}
"""The options about what is the same for all packets of a flow."""


def _conntrack(match: Match, tests: list[Test]) -> Test:
    """Ask for a connection: of a packet that has none its state alone answers, or nothing (xt_conntrack.c)."""
    state = match.get("ctstate")

    def test(flow: Flow) -> Split:
        if flow.state in NO_CONNECTION:
            answer = Holds.NEVER if state is None else _states(state, flow).unless(state.negated)
            return parted(flow, answer)
        return split_by(tests, flow)

    return test


def _connmark(match: Match, flow: Flow) -> Holds:
    option = match.get("mark")
    if flow.state in NO_CONNECTION or option is None:
        return Holds.NEVER
    return flow.connmark.is_one(option.masked).unless(option.negated)


def _statistic(match: Match, _flow: Flow) -> Holds:
    """Decide what is certain: a probability of 0 or 1, every packet."""
    probability, every = match.get("probability"), match.get("every")
    if probability is not None and float(probability.text) in (0.0, 1.0):
        return Holds.when(float(probability.text) == 1.0).unless(probability.negated)
    if every is not None and every.text == "1":
        return Holds.ALWAYS.unless(every.negated)
    return Holds.SOMETIMES


_WHOLE: Final[dict[str, Callable[[Match, Flow], Holds]]] = {"connmark": _connmark, "statistic": _statistic}


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
