"""What a target does with packets for which its rule holds: what becomes of them, and how they are afterwards."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.net import Address
from netplan.netfilter.iptables.extension import Option
from netplan.netfilter.iptables.match import Match, Target
from netplan.netfilter.iptables.operands import BITS, AddressRange, Masked, NatRange
from netplan.netfilter.iptables.rule import Rule
from netplan.trace.fib import Fib
from netplan.trace.flow import NO_CONNECTION, UNTRACKED, Flow, Mark
from netplan.trace.intervals import EVERY_ADDRESS, EVERY_PORT, Intervals, meet, minus, of_prefix, only, single

MARKING: Final = frozenset({"MARK", "CONNMARK"})
"""What sets a mark and does nothing else: a target, or what stands as a match before the target of a rule of nft."""

_FEW: Final = 16
_LOCALHOST: Final = {4: Address(4, 0x7F000001), 6: Address(6, 1)}


class Fate(Enum):
    """What can become of a packet at a rule or in a chain (iptables(8), TARGETS)."""

    CONTINUES = "goes on to the next rule"
    RETURNS = "goes back to the rule behind the jump"
    ACCEPTED = "accepted"
    DROPPED = "dropped"
    REJECTED = "rejected"


REFUSED: Final = frozenset({Fate.DROPPED, Fate.REJECTED})


class Did(Enum):
    """What a rule, a route or a bridge does to packets."""

    PASSED = "let them pass"
    SELECTED_TABLE = "selected the table in which their route is looked up"
    ROUTED = "sent them out by a device"
    DELIVERED = "took them in at this node"
    BRIDGED = "kept them on the bridge"
    ACCEPTED = "accepted them"
    REFUSED = "dropped or rejected them"
    RETURNED = "led them out of the chain"
    KEPT_ADDRESSES = "decided that they keep their addresses"
    REWROTE_SOURCE = "gave them another source"
    REWROTE_DESTINATION = "gave them another destination"
    UNTRACKED = "kept them from connection tracking, and so from NAT"
    MARKED = "set a mark"
    UNKNOWN = "what it does is not known"


class Outcome(NamedTuple):
    """One thing that may become of packets, the packets afterwards, and what was done, also in words.

    Without words there is nothing to tell. Not certain is one that leaves open what the packets are afterwards.
    """

    fate: Fate
    flow: Flow
    did: Did = Did.PASSED
    text: str = ""
    certain: bool = True


def outcomes(target: Target, table: str, flow: Flow, fib: Fib | None) -> list[Outcome]:
    """Say what a target that is no chain may do; more than one answer where it is unknown which."""
    known = _TARGETS.get(target.name)
    if target.name in _PASSING:
        return [Outcome(Fate.CONTINUES, flow)]
    if target.name in MARKING and target.unread:
        return [Outcome(Fate.CONTINUES, flow.blurred(), Did.MARKED, "mark unknown")]
    if known is None or target.unread:
        return anything(table, flow)
    if table == "nat" and target.name == "ACCEPT":
        return [Outcome(Fate.ACCEPTED, flow, Did.KEPT_ADDRESSES, "addresses stay as they are")]
    return known(target, flow, fib)


def marked(rule: Rule, flow: Flow) -> Flow:
    """Return packets for which a rule holds as its target meets them: one of nft's own may set marks before it."""
    for match in rule.matches:
        if match.name in MARKING:
            (outcome,) = outcomes(_setting(match), "mangle", flow, None)
            flow = outcome.flow
    return flow


@lru_cache(maxsize=256)
def _setting(match: Match) -> Target:
    """Return the target whose words stand where a match does."""
    target = Rule.parse(f"-j {match}").target
    return Target(match.name) if target is None else target


def anything(table: str, flow: Flow) -> list[Outcome]:
    """Return what a target may do that podnet does not know."""
    after = flow.blurred()
    ends = [(Fate.CONTINUES, after), (Fate.ACCEPTED, after), (Fate.DROPPED, flow)]
    if table == "nat":
        anywhere = EVERY_ADDRESS[flow.version]
        rewritten = replace(after, new_source=anywhere, new_sport=EVERY_PORT, snat=True)
        ends.append((Fate.ACCEPTED, replace(rewritten, new_destination=anywhere, new_dport=EVERY_PORT, dnat=None)))
    return [Outcome(fate, flow, Did.UNKNOWN, "what it does is unknown") for fate, flow in ends]


def _accept(_: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    return [Outcome(Fate.ACCEPTED, flow, Did.ACCEPTED, "accepted")]


def _drop(_: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    return [Outcome(Fate.DROPPED, flow, Did.REFUSED, "dropped")]


def _reject(target: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    answer = target.get("reject-with")
    text = f"rejected with {answer.text}" if answer else "rejected"
    return [Outcome(Fate.REJECTED, flow, Did.REFUSED, text)]


def _return(_: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    return [Outcome(Fate.RETURNS, flow, Did.RETURNED, "leaves the chain")]


def _notrack(target: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    if target.name == "CT" and target.get("notrack") is None:
        return [Outcome(Fate.CONTINUES, flow)]
    after = replace(flow, state=UNTRACKED)
    return [Outcome(Fate.CONTINUES, after, Did.UNTRACKED, "no connection tracking, so no NAT")]


def _mark(target: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    mark = _set_xmark(flow.mark, target.get("set-xmark"))
    return [_marked(flow, flow.remarked(mark))]


def _connmark(target: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    """Follow xt_connmark.c: set the connection's mark, save the packet's there, or restore the packet's from it."""
    if flow.state in NO_CONNECTION:
        return [Outcome(Fate.CONTINUES, flow)]
    if target.get("set-xmark") is not None:
        return [_connmarked(flow, _set_xmark(flow.connmark, target.get("set-xmark")))]
    bits = {name: int(option.text, 16) for name in ("nfmask", "ctmask") if (option := target.get(name)) is not None}
    if target.get("save-mark") is not None:
        return [_connmarked(flow, flow.connmark.mixed(flow.mark, clear=bits["ctmask"], take=bits["nfmask"]))]
    mark = flow.mark.mixed(flow.connmark, clear=bits["nfmask"], take=bits["ctmask"])
    return [_marked(flow, flow.remarked(mark))]


def _set_xmark(mark: Mark, option: Option | None) -> Mark:
    value, mask = option.masked if option is not None else Masked(0, 0)
    return mark.mixed(Mark.of(value), clear=mask, take=0xFFFFFFFF)


def _connmarked(flow: Flow, connmark: Mark) -> Outcome:
    return Outcome(Fate.CONTINUES, replace(flow, connmark=connmark), Did.MARKED, f"connection's mark {connmark}")


def _marked(before: Flow, after: Flow) -> Outcome:
    if before.mark == after.mark:
        return Outcome(Fate.CONTINUES, after)
    return Outcome(Fate.CONTINUES, after, Did.MARKED, f"mark {before.mark} -> {after.mark}")


def _dnat(target: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    option = target.get("to-destination")
    text = "" if option is None else option.text
    addresses, ports = NatRange.of(text)
    wanted: Intervals | None = None if ports is None else (ports.first, ports.last)
    if "/" in text and ports is not None:  # shifted by the original port
        wanted = EVERY_PORT
    if addresses is None:
        return [_redirected(flow, None, wanted)]
    return [_redirected(flow, choice, wanted) for choice in _choices(addresses)]


def _choices(addresses: AddressRange) -> list[Intervals]:
    """Return each address of a range by itself, those of a long one together."""
    first, last = addresses.first.value, addresses.last.value
    return [only(value) for value in range(first, last + 1)] if last - first < _FEW else [(first, last)]


def _redirected(flow: Flow, addresses: Intervals | None, ports: Intervals | None) -> Outcome:
    """Return packets with another destination or port; those that have one of the ports keep theirs."""
    changed: dict[str, object] = {}
    if addresses is not None and addresses != flow.destinations:
        changed["new_destination"] = addresses
    now = only(flow.to_port) if flow.to_port is not None else flow.new_dport
    if ports is not None and (now is None or meet(now, ports) != now):
        changed["new_dport"] = ports
    after = replace(flow, **changed, dnat=True) if changed else flow
    known = single(after.destinations) is not None or after.new_destination is None
    text = f"destination {_to(flow)} -> {_to(after)}"
    return Outcome(Fate.ACCEPTED, after, Did.REWROTE_DESTINATION, text, certain=known)


def _to(flow: Flow) -> str:
    port = f":{flow.to_port}" if flow.to_port is not None else ""
    return f"{flow.to_address or 'unknown'}{port}"


def _redirect(target: Target, flow: Flow, fib: Fib | None) -> list[Outcome]:
    """Send packets to this node itself (net/netfilter/nf_nat_redirect.c)."""
    option = target.get("to-ports")
    ports = None if option is None else (option.ranges[0].first, option.ranges[0].last)
    if flow.hook == "OUTPUT":
        return [_redirected(flow, only(_LOCALHOST[flow.version].value), ports)]
    if fib is None or flow.iif is None:
        return [_redirected(flow, EVERY_ADDRESS[flow.version], ports)]
    address = fib.first_address(flow.iif)
    if address is None:
        return [Outcome(Fate.DROPPED, flow, Did.REFUSED, f"dropped: {flow.iif} has no address")]
    return [_redirected(flow, only(address.value), ports)]


def _snat(target: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    option = target.get("to-source")
    addresses = None if option is None else option.nat.addresses
    return [_resourced(flow, None if addresses is None else (addresses.first.value, addresses.last.value))]


def _masquerade(_: Target, flow: Flow, fib: Fib | None) -> list[Outcome]:
    """Choose the source as net/netfilter/nf_nat_masquerade.c does: the route's own preference does not count."""
    if fib is None or flow.oif is None or flow.other_oif:
        return [_resourced(flow, EVERY_ADDRESS[flow.version])]
    hop = flow.next_hop if flow.version == 4 else None
    towards = flow.destinations if hop is None else only(hop.value) if isinstance(hop, Address) else None
    addresses = fib.sources_towards(flow.oif, towards)
    if not addresses:
        return [Outcome(Fate.DROPPED, flow, Did.REFUSED, f"dropped: {flow.oif} has no address")]
    return [_resourced(flow, addresses)]


def _resourced(flow: Flow, addresses: Intervals | None) -> Outcome:
    """Return packets with another source; their ports may change with it."""
    if addresses is not None and addresses == flow.sources and single(addresses) is not None:
        return _kept_source(flow)
    after = replace(flow, new_source=addresses or flow.new_source, new_sport=EVERY_PORT, snat=True)
    text = f"source {_from(flow)} -> {_from(after)}"
    certain = single(after.sources) is not None or not after.new_source
    return Outcome(Fate.ACCEPTED, after, Did.REWROTE_SOURCE, text, certain)


def _kept_source(flow: Flow) -> Outcome:
    """Return packets whose source is translated to itself: that decides, so that no later rule gives them another."""
    text = "source is translated to itself, which keeps it"
    return Outcome(Fate.ACCEPTED, replace(flow, new_sport=EVERY_PORT, snat=True), Did.KEPT_ADDRESSES, text)


def _from(flow: Flow) -> str:
    return str(flow.from_address or "unknown")


def _netmap(target: Target, flow: Flow, _fib: Fib | None) -> list[Outcome]:
    option = target.get("to")
    network = None if option is None else option.network(flow.version)
    source = flow.hook not in ("PREROUTING", "OUTPUT")
    prefix = None if network is None else network.prefix
    if source and prefix is not None and not minus(flow.sources, of_prefix(prefix)):
        return [_kept_source(flow)]
    address = single(flow.sources if source else flow.destinations)
    mapped = EVERY_ADDRESS[flow.version]
    if network is not None and address is not None:
        mapped = only(network.value | address & (1 << BITS[flow.version]) - 1 & ~network.mask)
    elif prefix is not None:
        mapped = of_prefix(prefix)
    return [_resourced(flow, mapped) if source else _redirected(flow, mapped, None)]


# They only look, or change what no rule here looks at.
_PASSING: Final = frozenset(
    {"AUDIT", "CHECKSUM", "CLASSIFY", "DSCP", "ECN", "HL", "IDLETIMER", "LED", "LOG", "NFLOG", "RATEEST", "SET"}
    | {"TCPMSS", "TCPOPTSTRIP", "TOS", "TRACE", "TTL", "ULOG"}
)
_TARGETS: Final[dict[str, Callable[[Target, Flow, Fib | None], list[Outcome]]]] = {
    "ACCEPT": _accept,
    "CONNMARK": _connmark,
    "CT": _notrack,
    "DNAT": _dnat,
    "DROP": _drop,
    "MARK": _mark,
    "MASQUERADE": _masquerade,
    "NETMAP": _netmap,
    "NOTRACK": _notrack,
    "REDIRECT": _redirect,
    "REJECT": _reject,
    "RETURN": _return,
    "SNAT": _snat,
}
