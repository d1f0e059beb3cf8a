"""The chains that packets enter at each hook, of all packet filters, in the order in which the kernel runs them.

Chains that rewrite addresses run together, at one place of their hook whatever their priorities are, and the first of
them that translates packets decides: the others do not see these any more, though ACCEPT and RETURN end only the chain
that they stand in (net/netfilter/nf_nat_core.c, nf_nat_inet_fn). Of two with one priority it is unknown which is first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.ipset.value import IpSet
from netplan.kinds.snapshot import Snapshot
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.trace.fib import Fib
from netplan.trace.firewall.foreign import ForeignChain, ForeignChains
from netplan.trace.firewall.sets import Sets
from netplan.trace.firewall.targets import Did, Fate
from netplan.trace.firewall.walk import Branch, Walker, behind, joined
from netplan.trace.flow import NO_CONNECTION, UNTRACKED, Flow

CONNTRACK: Final = -200
"""The priority at which conntrack sees packets that come in, or that this node sends."""
NAT: Final = {"PREROUTING": -100, "OUTPUT": -100, "INPUT": 100, "POSTROUTING": 100}
"""The priorities at which addresses are translated."""
FIRST, LAST = -(1 << 31), 1 << 31
"""Priorities before and behind all others."""
Span = tuple[int, int]

_PRIORITIES: Final = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
_TRANSLATED: Final = frozenset({Did.REWROTE_SOURCE, Did.REWROTE_DESTINATION})


class _Entry(NamedTuple):
    """A chain that packets enter: where it is run, its own priority, and what follows packets through it."""

    at: int
    priority: int
    nat: bool
    key: ChainKey
    chain: Walker | ForeignChain

    def walked(self, flow: Flow) -> list[Branch]:
        """Follow packets to the end of the chain."""
        return self.chain.hook(self.key, flow)


class _Place(NamedTuple):
    """The chains that packets enter at one place of a hook, in the order of their own priorities."""

    at: int
    nat: bool
    chains: Sequence[_Entry]


def _matters(chain: Chain | None) -> bool:
    """Whether a built-in chain may do anything to packets."""
    return chain is not None and (bool(chain.rules or chain.unread) or chain.policy == "DROP")


def _places(entries: Iterable[_Entry]) -> Iterator[_Place]:
    """Return the places of a hook in the order in which packets come to them."""
    ordered = sorted(entries, key=lambda entry: (entry.at, entry.priority))
    for (at, nat), chains in groupby(ordered, lambda entry: (entry.at, entry.nat)):
        yield _Place(at, nat, [*chains])


class Hooks:
    """Leads packets of the FIB's IP version through the chains of a state."""

    def __init__(self, snapshot: Snapshot, fib: Fib) -> None:
        entries: dict[str, list[_Entry]] = {hook: [] for hook in (*NAT, "FORWARD")}
        own = Walker(snapshot.chains, fib, Sets(snapshot.all(IpSet)))
        for table, hooks in BUILT_IN_BY_TABLE.items():
            for hook in hooks:
                key, nat = ChainKey(fib.version, table, hook), table == "nat"
                at = NAT[hook] if nat else _PRIORITIES[table]
                if nat or _matters(snapshot.chains.get(key)):
                    entries[hook].append(_Entry(at, at, nat, key, own))
        for foreign in ForeignChains(snapshot, fib).entered() if snapshot.all(OtherChain) else ():
            hook, chain = (foreign.chain.hook or "").upper(), foreign.chain
            at = NAT[hook] if chain.nat and hook in NAT else chain.runs_at
            entries.setdefault(hook, []).append(_Entry(at, chain.runs_at, chain.nat, foreign.key, foreign))
        self._places = {hook: list(_places(entered)) for hook, entered in entries.items()}

    def through(self, hook: str, flow: Flow, span: Span = (FIRST, LAST), *, nat: bool = True) -> list[Branch]:
        """Follow packets through the chains of a hook that have priorities from one to another, which is not included.

        Without `nat` they pass those that rewrite addresses, as all do that are not the first of a connection.
        """
        ended: list[Branch] = []
        here = [Branch(Fate.ACCEPTED, replace(flow, hook=hook))]
        for at, translates, chains in self._places[hook]:
            if not span[0] <= at < span[1] or (translates and not nat):
                continue
            after: list[Branch] = []
            for way in here:
                for branch in _translated(chains, way.flow) if translates else _filtered(chains, way.flow):
                    (after if branch.fate is Fate.ACCEPTED else ended).append(behind(way, branch))
            here = joined(after)
        return [*ended, *here]


def _filtered(entries: Iterable[_Entry], flow: Flow) -> list[Branch]:
    """Follow packets through chains one after the other."""
    ended: list[Branch] = []
    here = [Branch(Fate.ACCEPTED, flow)]
    for entry in entries:
        branches = [behind(way, branch) for way in here for branch in entry.walked(way.flow)]
        ended += [branch for branch in branches if branch.fate is not Fate.ACCEPTED]
        here = [branch for branch in branches if branch.fate is Fate.ACCEPTED]
    return [*ended, *here]


def _translated(entries: Sequence[_Entry], flow: Flow) -> list[Branch]:
    """Follow packets through chains until one of them translates them."""
    if flow.state in NO_CONNECTION or flow.translation is not None:
        return [Branch(Fate.ACCEPTED, _kept_to(flow))]
    ended: list[Branch] = []
    here = [Branch(Fate.ACCEPTED, flow)]
    for _, alike in groupby(entries, lambda entry: entry.priority):
        chains, after = [*alike], list[Branch]()
        for way in here:
            for branch, decided in _in_any_order(chains, way.flow):
                (ended if decided else after).append(behind(way, branch))
        here = after
    return joined([*ended, *here])


def _kept_to(flow: Flow) -> Flow:
    """Return packets with what conntrack gives them where the first of their connection meet table nat."""
    if flow.translation is None or flow.state == UNTRACKED:
        return flow
    source, sport, destination, dport = flow.translation
    if flow.hook in ("PREROUTING", "OUTPUT"):
        return replace(flow, new_destination=destination, new_dport=dport)
    return replace(flow, new_source=source, new_sport=sport)


def _in_any_order(entries: Sequence[_Entry], flow: Flow) -> Iterator[tuple[Branch, bool]]:
    """Follow packets through chains of one priority, and say whether they were translated or refused.

    Each that does something to packets may be the first.
    """
    busy = [entry for entry in entries if any(_touched(flow, branch) for branch in entry.walked(flow))]
    for number in range(len(busy)):
        yield from _one_by_one([*busy[number:], *busy[:number]], flow)
    if not busy:
        yield Branch(Fate.ACCEPTED, flow), False


def _one_by_one(entries: Sequence[_Entry], flow: Flow) -> Iterator[tuple[Branch, bool]]:
    if not entries:
        yield Branch(Fate.ACCEPTED, flow), False
        return
    for branch in entries[0].walked(flow):
        if branch.fate is not Fate.ACCEPTED or _is_translated(flow, branch):
            yield branch, True
        else:
            yield from ((behind(branch, later), decided) for later, decided in _one_by_one(entries[1:], branch.flow))


def _is_translated(flow: Flow, branch: Branch) -> bool:
    """Whether a chain gave packets other addresses or ports, or decided that they keep them by giving them the same."""
    labels = (branch.flow.snat, branch.flow.dnat) != (flow.snat, flow.dnat)
    return labels or any(step.did in _TRANSLATED for step in branch.trail)


def _touched(flow: Flow, branch: Branch) -> bool:
    marks = (branch.flow.mark, branch.flow.connmark) != (flow.mark, flow.connmark)
    return marks or branch.fate is not Fate.ACCEPTED or _is_translated(flow, branch) or bool(branch.trail)
