"""What may happen to a class of packets on its way through rules and the chains that they lead into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.trace.flow import Flow, Holds, holds

Chains = Mapping[ChainKey, Chain]


class Fate(Enum):
    """What can become of a packet at a rule or in a chain (iptables(8), TARGETS)."""

    CONTINUES = "goes on to the next rule"
    RETURNS = "goes back to the rule behind the jump"
    ACCEPTED = "accepted"
    REFUSED = "dropped or rejected"
    REWRITTEN = "gets another source address"


_BUILT_IN: Final = {
    "ACCEPT": Fate.ACCEPTED,
    "DROP": Fate.REFUSED,
    "REJECT": Fate.REFUSED,
    "RETURN": Fate.RETURNS,
    "MASQUERADE": Fate.REWRITTEN,
    "SNAT": Fate.REWRITTEN,
    "NETMAP": Fate.REWRITTEN,
}
_MARKING: Final = frozenset({"MARK", "CONNMARK"})
_PASSING: Final = _MARKING | {"LOG", "NFLOG", "TCPMSS", "TRACE", "CT", "NOTRACK", "DSCP", "TOS", "SET", "CLASSIFY"}
_ANYTHING: Final = frozenset({Fate.CONTINUES, Fate.ACCEPTED, Fate.REFUSED, Fate.REWRITTEN})


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that may become of the packets, and the packets as they are afterwards."""

    fates: frozenset[Fate]
    flow: Flow


def walk(rules: Sequence[Rule], key: ChainKey, flow: Flow, chains: Chains) -> Outcome:
    """Follow packets through the rules of a chain; CONTINUES if some of them come to its end."""
    fates: set[Fate] = set()
    for rule in rules:
        certain = holds(rule, flow)
        if certain is Holds.NEVER:
            continue
        outcome = effect(rule, key, flow, chains)
        fates |= outcome.fates - {Fate.CONTINUES}
        flow = outcome.flow
        if certain is Holds.ALWAYS and Fate.CONTINUES not in outcome.fates:
            return Outcome(frozenset(fates), flow)
    return Outcome(frozenset(fates | {Fate.CONTINUES}), flow)


def effect(rule: Rule, key: ChainKey, flow: Flow, chains: Chains) -> Outcome:
    """Say what may become of packets for which a rule of the chain `key` holds."""
    if rule.target is None or rule.target.name in _PASSING:
        marked = rule.target is not None and rule.target.name in _MARKING
        return Outcome(frozenset({Fate.CONTINUES}), flow.remarked() if marked else flow)
    fate = _BUILT_IN.get(rule.target.name)
    if fate is not None:
        return Outcome(frozenset({fate}), flow)
    below = chains.get(key._replace(name=rule.target.name))
    if below is None:
        return Outcome(_ANYTHING, flow.remarked())
    inside = walk(below.rules, below.key, flow, chains)
    came_back = inside.fates & {Fate.CONTINUES, Fate.RETURNS}
    back = {Fate.RETURNS if rule.goto else Fate.CONTINUES} if came_back else set()
    return Outcome(inside.fates - came_back | back, inside.flow)
