"""What rules beside this node's iptables may do to packets: the kernel runs them too, in an unknown order.

They are the other backend's, and those that other programs made with nft. A packet of a trace and the classes of
packets that a plan is about meet them alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.kinds.snapshot import Snapshot
from netplan.trace.fib import Fib
from netplan.trace.firewall.targets import REFUSED, Did, Fate
from netplan.trace.firewall.walk import Branch, Step, Walker, doubts
from netplan.trace.flow import NO_DEVICE, Flow, Phase
from netplan.trace.intervals import Intervals, pairs_of, union
from netplan.trace.split import cells

_BEFORE_ROUTING: Final = frozenset({"prerouting", "ingress"})


class RuleEffect(Enum):
    """What a rule may do to packets."""

    REFUSES = "refuse"
    SENDS_ELSEWHERE = "send elsewhere"
    REWRITES_SOURCE = "give another source"
    CHANGES = "change"


ANY_EFFECT: Final = frozenset(RuleEffect)


class Harm(Struct, frozen=True):
    """What a chain does to packets: the rule that does it, and what becomes of them; None: unknown.

    The step's place names the program and the table too, `place` the chain and the position alone, `rule` the rule as
    it stands there. `destinations` are those of the packets that come to harm by this rule.
    """

    chain: OtherChain
    effect: RuleEffect
    fate: Fate | None
    step: Step
    place: str
    rule: str
    destinations: Intervals


class ForeignChains:
    """The chains beside this node's iptables, by the hook at which packets enter them, of the FIB's IP version."""

    def __init__(self, snapshot: Snapshot, fib: Fib) -> None:
        self._fib = fib
        self._tables: dict[tuple[Owner, str], list[OtherChain]] = {}
        chains = [foreign for foreign in snapshot.all(OtherChain) if foreign.chain.key.version == fib.version]
        for foreign in chains:
            self._tables.setdefault(_table(foreign), []).append(foreign)
        self._entered: dict[str, list[OtherChain]] = {}
        for foreign in chains:
            if foreign.hook is not None:
                self._entered.setdefault(foreign.hook, []).append(foreign)
        self._walker = cache(self._walker_of)

    def entered(self) -> Iterator[OtherChain]:
        """Return the chains that packets enter by themselves, hook by hook."""
        return (foreign for chains in self._entered.values() for foreign in chains)

    def harms(self, hook: str, flow: Flow, before: Iterable[Flow]) -> Iterator[tuple[Flow, list[Harm]]]:
        """Say what the chains at a hook may do to packets, part by part; most do nothing.

        `before` are packets as they were when they came to the hook, these among them: the order is unknown.
        """
        parts: list[tuple[Flow, list[Harm]]] = [(flow, [])]
        for foreign in self._entered.get(hook.lower(), ()):
            if foreign.nat and flow.phase is not Phase.FIRST:
                continue
            parts = [
                (cell, harms + harms_here)
                for part, harms in parts
                for cell, harms_here in self._harmed(foreign, part, [*before, part])
            ]
        yield from parts

    def _harmed(self, foreign: OtherChain, flow: Flow, flows: Sequence[Flow]) -> Iterator[tuple[Flow, list[Harm]]]:
        """Divide packets by what one chain may do to them."""
        if not foreign.read:
            unread = self.harm(foreign, flows)
            yield flow, [] if unread is None else [unread]
            return
        walked = [(branch.flow, (at, branch)) for at in _at(foreign, flows) for branch in self._walked(foreign, at)]
        if not any(True for _, (at, branch) in walked for _ in _effects(at, branch)):
            yield flow, []
            return
        for cell, branches in cells(flow, walked):
            harm = self._first_harm(foreign, branches, ANY_EFFECT)
            yield cell, [] if harm is None else [harm]

    def harm(
        self, foreign: OtherChain, flows: Sequence[Flow], effects: Collection[RuleEffect] = ANY_EFFECT
    ) -> Harm | None:
        """Say the first of some effects that a chain may do to packets, None if it does none of them."""
        if not foreign.read:
            step = Step(foreign.label, "", Did.UNKNOWN, "unknown: its rules were not read", certain=False)
            unread = Harm(foreign, RuleEffect.CHANGES, None, step, foreign.chain.key.name, "", _destinations(flows))
            return unread if RuleEffect.CHANGES in effects else None
        walked = [(flow, branch) for flow in _at(foreign, flows) for branch in self._walked(foreign, flow)]
        return self._first_harm(foreign, walked, effects)

    def _first_harm(
        self, foreign: OtherChain, walked: Sequence[tuple[Flow, Branch]], effects: Collection[RuleEffect]
    ) -> Harm | None:
        harmful = [
            (effect, flow, branch) for flow, branch in walked for effect in _effects(flow, branch) if effect in effects
        ]
        if not harmful:
            return None
        effect, _, first = harmful[0]
        sure = all(branch.fate is first.fate in REFUSED and not doubts(branch.trail) for _, branch in walked)
        alike = (flow for other, flow, branch in harmful if (other, _last(branch)) == (effect, _last(first)))
        return self._harm_of(foreign, effect, first, _destinations(alike), sure=sure)

    def _walked(self, foreign: OtherChain, flow: Flow) -> list[Branch]:
        return self._walker(_table(foreign), foreign.nat).hook(_key(foreign, foreign), flow)

    def _walker_of(self, table: tuple[Owner, str], nat: bool) -> Walker:  # noqa: FBT001 - a key of the cache
        return Walker(_same_table(self._tables[table], nat=nat), self._fib)

    def _harm_of(
        self, foreign: OtherChain, effect: RuleEffect, branch: Branch, destinations: Intervals, *, sure: bool
    ) -> Harm:
        """Say who does it: at the place and in the words in which the rule's own program shows it."""
        step = (
            branch.trail[-1] if branch.trail else Step(str(_key(foreign, foreign)), "", Did.PASSED, branch.fate.value)
        )
        place, rule = self._places(foreign).get(step.at, (step.at.partition(" ")[2], step.rule))
        text = step.effect if sure or not step.certain else f"may match: {step.effect}"
        at = f"{foreign.program} {foreign.chain.key.table} {place}"
        fate = branch.fate if sure else None
        return Harm(foreign, effect, fate, Step(at, step.rule, step.did, text, sure), place, rule, destinations)

    def _places(self, foreign: OtherChain) -> Mapping[str, tuple[str, str]]:
        """Return place and text of every rule by the label that the walk gives it."""
        return {
            PlacedRule(_key(sibling, foreign), number, rule).label: (
                f"{sibling.chain.key.name} {sibling.position(number)}",
                str(rule),
            )
            for sibling in self._tables[_table(foreign)]
            for number, rule in enumerate(sibling.chain.rules, 1)
        }


def _last(branch: Branch) -> str:
    """Return the place of the rule that decided on packets."""
    return branch.trail[-1].at if branch.trail else ""


def _destinations(flows: Iterable[Flow]) -> Intervals:
    return union(pair for flow in flows for pair in pairs_of(flow.destinations))


def _table(foreign: OtherChain) -> tuple[Owner, str]:
    return foreign.owner, foreign.chain.key.table


def _key(foreign: OtherChain, entered: OtherChain) -> ChainKey:
    """Return a chain's key, in a table called as what packets entered is for: in `nat` only addresses are rewritten."""
    return foreign.chain.key._replace(table="nat" if entered.nat else "filter")


def _same_table(table: Iterable[OtherChain], *, nat: bool) -> dict[ChainKey, Chain]:
    keys = ((foreign, foreign.chain.key._replace(table="nat" if nat else "filter")) for foreign in table)
    return {key: replace(foreign.chain, key=key) for foreign, key in keys}


def _at(foreign: OtherChain, flows: Iterable[Flow]) -> Iterator[Flow]:
    """Return packets as a chain sees them: before they are routed they leave by no device."""
    for flow in flows:
        yield replace(flow, oif=NO_DEVICE, other_oif=False) if foreign.hook in _BEFORE_ROUTING else flow


def _effects(flow: Flow, branch: Branch) -> Iterator[RuleEffect]:
    after = branch.flow
    if branch.fate in REFUSED:
        yield RuleEffect.REFUSES
    if after.snat and not flow.snat:
        yield RuleEffect.REWRITES_SOURCE
    if (after.new_destination, after.new_dport) != (flow.new_destination, flow.new_dport):
        yield RuleEffect.SENDS_ELSEWHERE
    if _labels(after) != _labels(flow):
        yield RuleEffect.CHANGES


def _labels(flow: Flow) -> Flow:
    """Return what is the same of packets that a rule did nothing to but to divide them."""
    return replace(flow, source=(), destination=(), sport=(), service=())
