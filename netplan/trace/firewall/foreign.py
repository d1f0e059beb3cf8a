"""What rules beside this node's iptables may do to packets: the kernel runs them too, in an unknown order.

They are the other backend's, and those that other programs made with nft. A packet of a trace and the classes of
packets that a plan is about meet them alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.kinds.snapshot import Snapshot
from netplan.net import Prefix
from netplan.netfilter.iptables.match import Match
from netplan.netfilter.iptables.operands import AddressMask, Condition
from netplan.netfilter.iptables.rule import Rule
from netplan.trace.fib import Fib
from netplan.trace.firewall.targets import REFUSED, Did, Fate
from netplan.trace.firewall.walk import Branch, Step, Walker, doubts
from netplan.trace.flow import NO_DEVICE, Flow

_BEFORE_ROUTING: Final = frozenset({"prerouting", "ingress"})
_LOCAL: Final = "LOCAL"
_NOTHING: Final = Rule()


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
    destinations: tuple[Prefix, ...]


class ForeignChains:
    """The chains beside this node's iptables, by the hook at which packets enter them.

    They are those of the FIB's IP version. With `passing`, of packets that are classes, and that are neither from nor
    for the node itself: rules for those are none for them. Docker's and kube-proxy's published ports are such rules.
    """

    def __init__(self, snapshot: Snapshot, fib: Fib, *, passing: bool = False) -> None:
        self._fib = fib
        self._passing = passing
        self._tables: dict[tuple[Owner, str], list[OtherChain]] = {}
        chains = [foreign for foreign in snapshot.all(OtherChain) if foreign.chain.key.version == fib.version]
        for foreign in chains:
            self._tables.setdefault(_table(foreign), []).append(foreign)
        self._entered: dict[str, list[OtherChain]] = {}
        for foreign in chains:
            if foreign.hook is not None:
                self._entered.setdefault(foreign.hook, []).append(foreign)

    def entered(self) -> Iterator[OtherChain]:
        """Return the chains that packets enter by themselves, hook by hook."""
        return (foreign for chains in self._entered.values() for foreign in chains)

    def harms(self, hook: str, flows: Sequence[Flow]) -> Iterator[Harm]:
        """Say what each chain at a hook may do to packets, which are the flows at different times; most do nothing."""
        for foreign in self._entered.get(hook.lower(), ()):
            harm = self.harm(foreign, flows)
            if harm is not None:
                yield harm

    def harm(
        self, foreign: OtherChain, flows: Sequence[Flow], effects: Collection[RuleEffect] = ANY_EFFECT
    ) -> Harm | None:
        """Say the first of some effects that a chain may do to packets, None if it does none of them."""
        if not foreign.read:
            step = Step(foreign.label, "", Did.UNKNOWN, "unknown: its rules were not read", certain=False)
            unread = Harm(foreign, RuleEffect.CHANGES, None, step, foreign.chain.key.name, "", _destinations(flows))
            return unread if RuleEffect.CHANGES in effects else None
        walked = [(flow, branch) for flow in _at(foreign, flows) for branch in self._walked(foreign, flow)]
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
        chains = _same_table(foreign, self._tables[_table(foreign)])
        if self._passing:
            chains = {key: _passed(chain, self._fib) for key, chain in chains.items()}
        return Walker(chains, None if self._passing else self._fib).hook(_key(foreign, foreign), flow)

    def _harm_of(
        self, foreign: OtherChain, effect: RuleEffect, branch: Branch, destinations: tuple[Prefix, ...], *, sure: bool
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


def _destinations(flows: Iterable[Flow]) -> tuple[Prefix, ...]:
    return tuple(dict.fromkeys(prefix for flow in flows for prefix in flow.destinations))


def _table(foreign: OtherChain) -> tuple[Owner, str]:
    return foreign.owner, foreign.chain.key.table


def _key(foreign: OtherChain, entered: OtherChain) -> ChainKey:
    """Return a chain's key, in a table called as what packets entered is for: in `nat` only addresses are rewritten."""
    return foreign.chain.key._replace(table="nat" if entered.nat else "filter")


def _same_table(entered: OtherChain, table: Iterable[OtherChain]) -> dict[ChainKey, Chain]:
    return {_key(foreign, entered): replace(foreign.chain, key=_key(foreign, entered)) for foreign in table}


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
    if after.destinations != flow.destinations or after.dport != flow.dport:
        yield RuleEffect.SENDS_ELSEWHERE
    if after != flow:
        yield RuleEffect.CHANGES


def _passed(chain: Chain, fib: Fib) -> Chain:
    return replace(chain, rules=tuple(_met(rule, fib) for rule in chain.rules))


def _met(rule: Rule, fib: Fib) -> Rule:
    """Return a rule as packets meet it that this node only passes on."""
    if any(condition is not None and _own(condition, fib) for condition in (rule.source, rule.destination)):
        return _NOTHING
    matches = [match for match in rule.matches if match.name == "addrtype"]
    if not matches:
        return rule
    questions = [_is_local(match) for match in matches]
    if True in questions:
        return _NOTHING
    left = tuple(match for match in rule.matches if match.name != "addrtype" or _is_local(match) is None)
    return replace(rule, matches=left)


def _own(condition: Condition[AddressMask], fib: Fib) -> bool:
    """Whether a condition asks for one address, which is the node's."""
    prefix = condition.value.prefix
    alone = prefix is not None and prefix.size == 1 and not condition.negated
    return alone and prefix is not None and fib.type_of(prefix.address) == _LOCAL


def _is_local(match: Match) -> bool | None:
    """Whether a match asks that an address is the node's, or is not; None if it asks for something else."""
    types = [option for name in ("src-type", "dst-type") if (option := match.get(name)) is not None]
    if len(types) != 1 or types[0].words != (_LOCAL,):
        return None
    return not types[0].negated
