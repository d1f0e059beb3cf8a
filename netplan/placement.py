"""Where among other programs' rules our jumps may stand: decided by walking the rules, not by a position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netplan.compile import Jump, Place, Traffic
from netplan.kinds.chain.place import Span
from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import ChainKey
from netplan.kinds.chain.values import Masked
from netplan.trace.flow import ANYWHERE, Flow, Holds, holds
from netplan.trace.walk import Chains, Fate, effect


def span_of(jump: Jump, traffic: Traffic, rules: Sequence[Rule], chains: Chains) -> Span:
    """Give the gaps between foreign rules in which a jump may stand."""
    if jump.place is Place.SHIELD:
        return Span(0, min(_first_rewriter(rules, jump.hook, flow, chains) for flow in _shielded(traffic)))
    high = _end(rules, jump.hook, chains)
    return Span(max(_last_refusal(rules[:high], jump.hook, flow, chains) for flow in _forwarded(traffic)), high)


def _shielded(traffic: Traffic) -> Iterator[Flow]:
    """Give the pod traffic that keeps its source address: what leaves this node, and what arrives for its pods."""
    unmarked = tuple(Masked(mark.value, mark.mask) for mark in traffic.respected)
    yield Flow(traffic.subnet, traffic.kept, oif=traffic.bridge, other_oif=True, unmarked=unmarked)
    yield Flow(traffic.network, (traffic.subnet,), traffic.subnet, traffic.bridge, unmarked=unmarked)


def _forwarded(traffic: Traffic) -> Iterator[Flow]:
    yield Flow(traffic.network, (ANYWHERE,))
    yield Flow(ANYWHERE, (traffic.network,))


def _first_rewriter(rules: Sequence[Rule], hook: ChainKey, flow: Flow, chains: Chains) -> int:
    """Give the index of the first rule that may rewrite the source of the packets, or the number of rules."""
    for index, rule in enumerate(rules):
        certain = holds(rule, flow)
        if certain is Holds.NEVER:
            continue
        outcome = effect(rule, hook, flow, chains)
        if Fate.REWRITTEN in outcome.fates:
            return index
        flow = outcome.flow
    return len(rules)


def _end(rules: Sequence[Rule], hook: ChainKey, chains: Chains) -> int:
    """Give the index of the rule behind which no packet at all comes, or the number of rules."""
    every = Flow(ANYWHERE, (ANYWHERE,))
    for index, rule in enumerate(rules):
        if holds(rule, every) is Holds.ALWAYS and Fate.CONTINUES not in effect(rule, hook, every, chains).fates:
            return index
    return len(rules)


def _last_refusal(rules: Sequence[Rule], hook: ChainKey, flow: Flow, chains: Chains) -> int:
    """Give the gap behind the last rule that may refuse some of the packets."""
    for index in reversed(range(len(rules))):
        refuses = Fate.REFUSED in effect(rules[index], hook, flow, chains).fates
        if refuses and holds(rules[index], flow) is not Holds.NEVER:
            return index + 1
    return 0
