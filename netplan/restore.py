"""Undo: one more diff, from the state before to the state now, over our objects and those that a plan touched."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from netplan.diff import diff
from netplan.kinds.chain.edit import changes_to
from netplan.kinds.chain.place import put_back
from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import ChainKey, PlacedRule, is_our_jump
from netplan.kinds.sysctl.value import Sysctl
from netplan.resource import Change, Reason, Resource, Wanted
from netplan.snapshot import KINDS, Snapshot

R = TypeVar("R", bound=Resource)

BEFORE: Final = Reason("as it was before")


def restoration(before: Snapshot, now: Snapshot, touched: Sequence[Change[Resource]]) -> Iterator[Change[Resource]]:
    """Give the changes that bring back the state before: what others changed meanwhile stays theirs."""
    sysctls = {change.resource.key for change in touched if isinstance(change.resource, Sysctl)}
    for kind in KINDS:
        wanted = [Wanted(resource, BEFORE) for resource in _undone(before.all(kind), sysctls)]
        yield from diff(wanted, _undone(now.all(kind), sysctls), BEFORE)
    for key in sorted(key for key in now.chains if not key.owned):
        yield from _rules(before.rules(key), now.rules(key), key, set(_touched_rules(key, touched)))


def _undone(resources: Iterable[R], sysctls: Collection[Hashable]) -> list[R]:
    return [resource for resource in resources if resource.ours or resource.key in sysctls]


def _rules(
    before: Sequence[Rule], now: Sequence[Rule], key: ChainKey, touched: Collection[Rule]
) -> Iterator[Change[PlacedRule]]:
    reasons = {rule: BEFORE for rule in (*before, *now) if rule in touched or is_our_jump(rule)}
    yield from changes_to(key, now, put_back(before, now, touched), reasons)


def _touched_rules(key: ChainKey, touched: Iterable[Change[Resource]]) -> Iterator[Rule]:
    for change in touched:
        for placed in (change.before, change.after):
            if isinstance(placed, PlacedRule) and placed.chain == key:
                yield placed.rule
