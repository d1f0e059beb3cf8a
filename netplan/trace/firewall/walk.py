"""What may happen to a class of packets on its way through rules and the chains that they lead into.

Where a rule holds for some of the packets the way forks; where two ways lead to the same packets they are one again, so
that the work stays in proportion to the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.iptables.targets import TARGET_EXTENSIONS
from netplan.trace.fib import Fib
from netplan.trace.firewall.conditions import Rules, compile_rule
from netplan.trace.firewall.sets import Sets
from netplan.trace.firewall.targets import Did, Fate, Outcome, anything, marked, outcomes
from netplan.trace.flow import DESTINATION, FIELDS, SERVICE, SOURCE, Field, Flow, Holds, protocols_of, services
from netplan.trace.intervals import Intervals, join, single
from netplan.trace.split import Split, cut, split_by

Chains = Mapping[ChainKey, Chain]

MOST_WORK: Final = 500_000
"""How many rules are met by parts of flows: about a second's work."""

_MANY_WAYS: Final = 64
_MOST_WAYS: Final = 4096


class Step(NamedTuple):
    """A rule or route that touched the packets, where it stands, and what it did, also in words.

    Not certain is what it may have done.
    """

    at: str
    rule: str
    did: Did
    effect: str
    certain: bool = True


Trail = tuple[Step, ...]


class Branch(NamedTuple):
    """One thing that may become of packets, the packets afterwards, and the rules that touched them until then."""

    fate: Fate
    flow: Flow
    trail: Trail = ()


class Walker:
    """Follows packets through the chains of a state; without a FIB it knows no local address, without sets no set.

    Who decides where a rule of ours may stand walks without them: their members change while the rules stay.
    Rules are met by so many parts of flows at most, then what they do is unknown.
    """

    def __init__(
        self, chains: Chains, fib: Fib | None = None, sets: Sets | None = None, *, most: int = MOST_WORK
    ) -> None:
        self._chains = chains
        self._fib = fib
        self._sets = sets
        self._work, self._most = 0, most
        self._compiled: dict[tuple[ChainKey, int], Rules] = {}
        self._walked: dict[tuple[ChainKey, Flow], tuple[Branch, ...]] = {}
        self._inside: set[ChainKey] = set()

    @property
    def work(self) -> int:
        """How many rules were met by how many parts until now."""
        return self._work

    def hook(self, key: ChainKey, flow: Flow) -> list[Branch]:
        """Follow packets through a built-in chain to its end; what comes there meets its policy, or is accepted."""
        chain = self._chains.get(key)
        if chain is None:
            return [Branch(Fate.ACCEPTED, flow)]
        ends = []
        for branch in _unread(chain, str(key), "", flow) if chain.unread else self.walk(chain.rules, key, flow):
            if branch.fate in (Fate.CONTINUES, Fate.RETURNS):
                ends.append(_meets_policy(branch, chain))
            else:
                ends.append(branch)
        return joined(ends)

    def walk(self, rules: Sequence[Rule], key: ChainKey, flow: Flow) -> tuple[Branch, ...]:
        """Follow packets through the rules of a chain; CONTINUES if some of them come to its end."""
        compiled = self._compiled.get((key, id(rules)))
        if compiled is None:
            compiled = self._compiled[key, id(rules)] = Rules(rules, self._fib, self._sets)
        ended: list[Branch] = []
        here = [Branch(Fate.CONTINUES, flow)]
        for number in compiled.met_by(flow):
            tests = compiled.tests(number)
            after: list[Branch] = []
            self._work += len(here)
            if self._work > self._most:
                return (*ended, *(behind(way, branch) for way in here for branch in _too_many(key, way.flow)))
            for way in here:
                split = split_by(tests, way.flow)
                if not split.inside and not split.doubtful:
                    after.append(way)
                    continue
                for branch in self._met(PlacedRule(key, number + 1, rules[number]), split):
                    (after if branch.fate is Fate.CONTINUES else ended).append(behind(way, branch))
            here = after if len(after) <= len(here) else _few(joined(after))
            if not here:
                break
        return (*joined(ended), *here)

    def past(self, placed: PlacedRule, flow: Flow) -> list[Branch]:
        """Say what may become of packets at a rule: CONTINUES if they pass it."""
        return list(self._met(placed, split_by(compile_rule(placed.rule, self._fib, self._sets), flow)))

    def _met(self, placed: PlacedRule, split: Split) -> Iterator[Branch]:
        for part in split.inside:
            yield from self._taken(placed, marked(placed.rule, part), Holds.ALWAYS)
        for part in split.doubtful:
            yield from merged(
                [*self._taken(placed, marked(placed.rule, part), Holds.SOMETIMES), Branch(Fate.CONTINUES, part)]
            )
        for part in split.outside:
            yield Branch(Fate.CONTINUES, part)

    def _taken(self, placed: PlacedRule, flow: Flow, certain: Holds) -> list[Branch]:
        target = placed.rule.target
        if target is None:
            return [Branch(Fate.CONTINUES, flow)]
        below = self._chains.get(placed.chain._replace(name=target.name))
        if below is not None and below.unread:
            return _unread(below, placed.label, str(placed.rule), flow)
        if below is not None and target.name not in TARGET_EXTENSIONS:
            return merged(self._jumped(placed, below, flow, certain))
        possible = outcomes(target, placed.chain.table, flow, self._fib)
        split = _unmoved(flow, possible)
        if split is not None:
            return [branch for part in split for branch in self._taken(placed, part, certain)]
        return [_branch_of(outcome, placed, certain, alone=len(possible) == 1) for outcome in possible]

    def _jumped(self, placed: PlacedRule, below: Chain, flow: Flow, certain: Holds) -> Iterator[Branch]:
        doubt: Trail = ()
        if certain is not Holds.ALWAYS:
            doubt = (Step(placed.label, str(placed.rule), Did.PASSED, "may match", certain=False),)
        for fate, after, trail in self._chain(below, flow):
            back = Fate.RETURNS if placed.rule.goto else Fate.CONTINUES
            yield Branch(back if fate in (Fate.CONTINUES, Fate.RETURNS) else fate, after, doubt + trail)

    def _chain(self, chain: Chain, flow: Flow) -> tuple[Branch, ...]:
        """Follow packets through a chain of the user, once for all rules that lead into it."""
        key = chain.key
        known = self._walked.get((key, flow))
        if known is not None:
            return known
        if key in self._inside:  # the kernel refuses chains that lead into themselves; a record may hold them
            endless = Step(str(key), "", Did.UNKNOWN, "leads into itself", certain=False)
            return tuple(Branch(outcome.fate, outcome.flow, (endless,)) for outcome in anything(key.table, flow))
        self._inside.add(key)
        branches = self.walk(chain.rules, key, flow)
        self._inside.remove(key)
        self._walked[key, flow] = branches
        return branches


def _unread(chain: Chain, at: str, rule: str, flow: Flow) -> list[Branch]:
    """Return what a chain may do that was not read: anything."""
    why = f"{chain.key} was not read, it has about {chain.unread} rules"
    return [
        Branch(
            outcome.fate,
            outcome.flow,
            (Step(at, rule, outcome.did, f"unknown, perhaps {outcome.fate.value}: {why}", certain=False),),
        )
        for outcome in anything(chain.key.table, flow)
    ]


def _too_many(key: ChainKey, flow: Flow) -> list[Branch]:
    """Return what a chain may do whose rules meet more parts than are told apart: anything."""
    said = f"unknown: more kinds of packets than are told apart: {key}"
    return [
        Branch(outcome.fate, outcome.flow, (Step(str(key), "", outcome.did, said, certain=False),))
        for outcome in anything(key.table, flow)
    ]


def joined(branches: Iterable[Branch]) -> list[Branch]:
    """Make one of those that end alike, and whose packets differ in one part of their header only."""
    parts = merged(branches)
    if len(parts) < 2:
        return parts
    for field in FIELDS:
        alike: dict[tuple[Fate, Flow, Trail], Branch] = {}
        for branch in parts:
            key = (branch.fate, replace(branch.flow, **{field.name: ()}), branch.trail)
            other = alike.get(key)
            if other is not None:
                numbers = join(getattr(other.flow, field.name), getattr(branch.flow, field.name))
                branch = other._replace(flow=replace(branch.flow, **{field.name: numbers}))  # noqa: PLW2901
            alike[key] = branch
        parts = list(alike.values())
    return parts


def merged(branches: Iterable[Branch]) -> list[Branch]:
    """Make one of those that end alike with the same packets; the trail with the fewest doubts tells of it."""
    branches = list(branches)
    if len(branches) < 2:
        return branches
    fewest: dict[tuple[Fate, Flow], Branch] = {}
    for branch in branches:
        key = (branch.fate, branch.flow)
        other = fewest.get(key)
        if other is None or doubts(branch.trail) < doubts(other.trail):
            fewest[key] = branch
    return list(fewest.values())


def doubts(trail: Trail) -> int:
    """Count the steps of which it is unknown whether they were taken."""
    return sum(not step.certain for step in trail)


def behind(way: Branch, branch: Branch) -> Branch:
    """Return a branch with what happened on the way to it."""
    return branch._replace(trail=way.trail + branch.trail) if way.trail else branch


def _few(ways: list[Branch]) -> list[Branch]:
    """Forget the marks if they make too many ways."""
    if len(ways) <= _MANY_WAYS:
        return ways
    blurred = merged(branch._replace(flow=branch.flow.blurred()) for branch in ways)
    return blurred if 2 * len(blurred) <= len(ways) or len(ways) > _MOST_WAYS else ways


def _branch_of(outcome: Outcome, placed: PlacedRule, certain: Holds, *, alone: bool) -> Branch:
    """Return an outcome with the step that tells of it; the RETURN for all, at the end of a chain, is not worth one."""
    rule, said = placed.rule, outcome.text
    matches = certain is Holds.ALWAYS
    usual_return = outcome.did is Did.RETURNED and rule == Rule(rule.version, target=rule.target)
    if matches and alone and (usual_return or not said):
        return Branch(outcome.fate, outcome.flow)
    if not matches:
        said = f"may match: {said or outcome.fate.value}"
    step = Step(placed.label, str(rule), outcome.did, said, matches and alone and outcome.certain)
    return Branch(outcome.fate, outcome.flow, (step,))


def _meets_policy(branch: Branch, chain: Chain) -> Branch:
    if chain.policy != "DROP":
        return branch._replace(fate=Fate.ACCEPTED)
    step = Step(f"{chain.key} policy", f"-P {chain.key.name} DROP", Did.REFUSED, "dropped")
    return Branch(Fate.DROPPED, branch.flow, (*branch.trail, step))


def _unmoved(flow: Flow, possible: Iterable[Outcome]) -> tuple[Flow, ...] | None:
    """Return the packets that have the address or port already that they may get, and all others; None if none."""
    for outcome in possible:
        for field, values in _given(flow, outcome.flow):
            split = cut(flow, field, values)
            if split.inside and split.outside:
                return (*split.inside, *split.outside)
    return None


def _given(flow: Flow, after: Flow) -> Iterator[tuple[Field, Intervals]]:
    if flow.new_destination is None and after.new_destination is not None and single(after.new_destination) is not None:
        yield DESTINATION, after.new_destination
    elif not flow.snat and flow.new_source is None and after.new_source is not None:
        yield SOURCE, after.new_source
    elif flow.new_dport is None and after.new_dport is not None and flow.new_destination == after.new_destination:
        yield SERVICE, services(protocols_of(flow.service), after.new_dport)
