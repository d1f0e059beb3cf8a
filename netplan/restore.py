"""Undo: one more diff, from the state before to the state now, over our objects and those that a plan touched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

from netplan.diff import diff
from netplan.kinds.chain.edit import changes_to
from netplan.kinds.chain.place import put_back
from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import ChainKey, PlacedRule, is_our_jump
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.project import after_updates, stands_on
from netplan.resource import Change, Reason, Resource, Wanted
from netplan.snapshot import KINDS, Snapshot

BEFORE: Final = Reason("as it was before")


def restoration(before: Snapshot, now: Snapshot, touched: Sequence[Change[Resource]]) -> Iterator[Change[Resource]]:
    """Give the changes that bring back the state before: what others changed meanwhile stays theirs."""
    undone = _undone(before, touched)
    state = now
    for kind in KINDS:
        wanted = [Wanted(resource, BEFORE) for resource in before.all(kind) if undone(resource)]
        actual = [resource for resource in state.all(kind) if undone(resource)]
        changes = [change for change in diff(wanted, actual, BEFORE) if not _goes_with_its_link(change, before)]
        yield from changes
        state = after_updates(state, changes)
    for key in sorted(key for key in now.chains if not key.owned):
        yield from _rules(before.rules(key), now.rules(key), key, set(_touched_rules(key, touched)))


def _undone(before: Snapshot, touched: Iterable[Change[Resource]]) -> Callable[[Resource], bool]:
    """Make the test whether an object is undone: ours, one that the changes touched, or on a link of that kind."""
    sides = [side for change in touched for side in (change.before, change.after) if side is not None]
    keys = {(side.kind, side.key) for side in sides if isinstance(side, Link) or not side.ours}
    links = {link.name for link in before.all(Link) if link.ours or (link.kind, link.key) in keys}

    def undone(resource: Resource) -> bool:
        if resource.ours or (resource.kind, resource.key) in keys:
            return True
        return not isinstance(resource, Route) and not links.isdisjoint(stands_on(resource))

    return undone


def _goes_with_its_link(change: Change[Resource], before: Snapshot) -> bool:
    """Whether an object can't be deleted, but vanishes with a link that was not there before."""
    devices = {link.name for link in before.all(Link)}
    resource = change.resource
    return change.after is None and isinstance(resource, Sysctl) and resource.device not in {None, *devices}


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
