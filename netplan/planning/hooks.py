"""The changes of a built-in chain that put our jump where it belongs, and delete the rules that must not be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from netplan.desired.chains import OUR_CHAINS
from netplan.desired.hooks import Hook
from netplan.kinds.chain.edit import Slot, changes_to
from netplan.kinds.chain.place import Span, arrange
from netplan.kinds.chain.value import PlacedRule, is_our_jump
from netplan.kinds.resource import Change, Reason
from netplan.kinds.snapshot import Snapshot
from netplan.netfilter.iptables.rule import Rule
from netplan.planning.placement import span_of
from netplan.trace.firewall.walk import Chains


def all_hooks(hooks: Iterable[Hook], snapshot: Snapshot) -> Iterator[Hook]:
    """Return those hooks, and one for each other chain in which a jump of ours may stand, or does."""
    known = {hook.chain: hook for hook in hooks}
    strayed = {key for key, chain in snapshot.chains.items() if not key.owned and any(map(is_our_jump, chain.rules))}
    for key in sorted({*known, *OUR_CHAINS.values(), *strayed}):
        yield known.get(key, Hook(key))


def rule_changes(hook: Hook, snapshot: Snapshot, reasons: Mapping[Rule, Reason]) -> list[Change[PlacedRule]]:
    """Return the changes after which a chain holds one jump of ours where it belongs, and none of the rules removed.

    `reasons` has that of every rule that may change. Foreign rules keep their order.
    """
    now = snapshot.rules(hook.chain)
    return changes_to(hook.chain, now, arrange_hook(hook, now, snapshot.chains), dict(reasons))


def arrange_hook(hook: Hook, rules: Sequence[Rule], chains: Chains) -> list[Slot]:
    """Return the rules of the chain as they should be: the jump where it belongs, and none of those removed.

    `chains` are those of the same kernel or file, which decide where the jump belongs.
    """
    standing = hook.standing

    def span(foreign: Sequence[Rule]) -> Span:
        if standing is None or standing.pods is None:
            return Span(0, 0)
        return span_of(standing.place, hook.chain, standing.pods, foreign, chains)

    return arrange(rules, None if standing is None else standing.rule, hook.removed, span)
