"""Where our jumps stand and which rules must not, by chain: what a generation keeps, to plan them anew after a boot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netplan.desired.chains import OUR_CHAINS
from netplan.desired.hooks import Hook
from netplan.kinds.chain.edit import changes_to
from netplan.kinds.chain.value import PlacedRule, is_our_jump
from netplan.kinds.resource import Change, Reason
from netplan.kinds.snapshot import Snapshot
from netplan.netfilter.iptables.rule import Rule


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
    return changes_to(hook.chain, now, hook.arranged(now, snapshot.chains), dict(reasons))
