"""Chains beside this node's iptables: the other backend's, and those that other programs made with nft.

The kernel runs them too. They are walked like this node's own, and told of as their own program shows them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.kinds.ipset.value import IpSet
from netplan.kinds.snapshot import Snapshot
from netplan.trace.fib import Fib
from netplan.trace.firewall.sets import Sets
from netplan.trace.firewall.targets import REFUSED, Did
from netplan.trace.firewall.walk import Branch, Step, Walker
from netplan.trace.flow import NO_DEVICE, Flow
from netplan.trace.intervals import Intervals, pairs_of, union

_BEFORE_ROUTING: Final = frozenset({"prerouting", "ingress"})


class RuleEffect(Enum):
    """What a rule may do to packets."""

    REFUSES = "refuse"
    SENDS_ELSEWHERE = "send elsewhere"
    REWRITES_SOURCE = "give another source"


class Harm(Struct, frozen=True):
    """What a chain may do to packets: the first rule that does it, as its program shows it.

    `place` is the rule's chain and position, `destinations` are those of the packets that come to harm by it.
    """

    chain: OtherChain
    effect: RuleEffect
    place: str
    rule: str
    destinations: Intervals


class _Place(Struct, frozen=True):
    """Where a rule stands, and how it reads, for its own program."""

    table: str
    place: str
    rule: str


class ForeignChain:
    """A chain that packets enter, with those of its table that it leads to; `key` is that by which it is walked."""

    def __init__(self, chain: OtherChain, walker: Walker, places: Mapping[str, _Place]) -> None:
        self.chain = chain
        self.key = _key(chain, nat=chain.nat)
        self._walker = walker
        self._places = places

    def hook(self, key: ChainKey, flow: Flow) -> list[Branch]:
        """Follow packets through the chain to its end."""
        return [
            branch._replace(trail=tuple(map(self._shown, branch.trail))) if branch.trail else branch
            for branch in self._walker.hook(key, flow)
        ]

    def _shown(self, step: Step) -> Step:
        table = f"{self.chain.program} {self.chain.chain.key.table}"
        place = self._places.get(step.at)
        if place is None:
            return step._replace(at=f"{table} {step.at.partition(' ')[2]}")
        return step._replace(at=f"{place.table} {place.place}")

    def harm(self, flows: Sequence[Flow], effects: Collection[RuleEffect]) -> Harm | None:
        """Say the first of some effects that the chain may have on packets, None if it has none of them."""
        arriving = _at(self.chain, flows) if self.chain.read else ()
        walked = [(flow, branch) for flow in arriving for branch in self._walker.hook(self.key, flow)]
        harmful = [
            (effect, branch) for flow, branch in walked for effect in _effects(flow, branch) if effect in effects
        ]
        if not harmful:
            return None
        effect, first = harmful[0]
        alike = [branch.flow for other, branch in harmful if (other, _last(branch)) == (effect, _last(first))]
        step = first.trail[-1] if first.trail else Step(str(self.key), "", Did.PASSED, first.fate.value)
        place = self._places.get(step.at) or _Place("", step.at.partition(" ")[2], step.rule)
        return Harm(self.chain, effect, place.place, place.rule, _destinations(alike))


class ForeignChains:
    """The chains beside this node's iptables, of the FIB's IP version."""

    def __init__(self, snapshot: Snapshot, fib: Fib) -> None:
        self._fib, self._sets = fib, Sets(snapshot.all(IpSet))
        self._tables: dict[tuple[Owner, str], list[OtherChain]] = {}
        for foreign in snapshot.all(OtherChain):
            if foreign.chain.key.version == fib.version:
                self._tables.setdefault((foreign.owner, foreign.chain.key.table), []).append(foreign)

    def entered(self) -> Iterator[ForeignChain]:
        """Return the chains that packets enter by themselves, table by table."""
        for chains in self._tables.values():
            for nat in (True, False):
                entered = [foreign for foreign in chains if foreign.hook is not None and foreign.nat is nat]
                if entered:
                    walker = Walker(
                        {_key(one, nat=nat): _walkable(one, nat=nat) for one in chains}, self._fib, self._sets
                    )
                    places = dict(_places(chains, nat=nat))
                    yield from (ForeignChain(foreign, walker, places) for foreign in entered)


def _places(chains: Iterable[OtherChain], *, nat: bool) -> Iterator[tuple[str, _Place]]:
    """Return place and text of every rule by the label that the walk gives it."""
    for foreign in chains:
        table = f"{foreign.program} {foreign.chain.key.table}"
        for number, rule in enumerate(foreign.chain.rules, 1):
            shown = _Place(table, f"{foreign.chain.key.name} {foreign.position(number)}", str(rule))
            yield PlacedRule(_key(foreign, nat=nat), number, rule).label, shown


def _key(foreign: OtherChain, *, nat: bool) -> ChainKey:
    """Return a chain's key, in a table called as what packets entered is for: in `nat` only addresses are rewritten."""
    return foreign.chain.key._replace(table="nat" if nat else "filter")


def _walkable(foreign: OtherChain, *, nat: bool) -> Chain:
    unread = foreign.chain.unread if foreign.read else foreign.length
    return replace(foreign.chain, key=_key(foreign, nat=nat), unread=unread)


def _at(foreign: OtherChain, flows: Iterable[Flow]) -> Iterator[Flow]:
    """Return packets as a chain sees them: before they are routed they leave by no device."""
    for flow in flows:
        yield replace(flow, oif=NO_DEVICE, other_oif=False) if foreign.hook in _BEFORE_ROUTING else flow


def _last(branch: Branch) -> str:
    """Return the place of the rule that decided on packets."""
    return branch.trail[-1].at if branch.trail else ""


def _destinations(flows: Iterable[Flow]) -> Intervals:
    return union(pair for flow in flows for pair in pairs_of(flow.destination))


def _effects(flow: Flow, branch: Branch) -> Iterator[RuleEffect]:
    after = branch.flow
    if branch.fate in REFUSED:
        yield RuleEffect.REFUSES
    if after.snat and not flow.snat:
        yield RuleEffect.REWRITES_SOURCE
    if (after.new_destination, after.new_dport) != (flow.new_destination, flow.new_dport):
        yield RuleEffect.SENDS_ELSEWHERE
