"""Undo: one more diff, from the state before to the state now, over our objects and those that a plan touched."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from netplan.diff import diff
from netplan.kinds.chain.edit import Slot, changes_to
from netplan.kinds.chain.place import put_back
from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule, is_our_jump
from netplan.kinds.sysctl.forwarding import SWITCHES, follows, once_switched, switched_first
from netplan.kinds.sysctl.value import Sysctl
from netplan.resource import Change, Reason, Resource, Wanted
from netplan.snapshot import KINDS, Snapshot

BEFORE: Final = Reason("as it was before")


def restoration(
    before: Snapshot, now: Snapshot, touched: Sequence[Change[Resource]], reason: Reason = BEFORE
) -> Iterator[Change[Resource]]:
    """Give the changes that bring back the state before: what others changed meanwhile stays theirs."""
    for kind in KINDS:
        wanted = [Wanted(resource, reason) for resource in before.all(kind) if resource.ours]
        yield from diff(wanted, [resource for resource in now.all(kind) if resource.ours], reason)
    yield from _sysctls(before, now, _touched_sysctls(touched), reason)
    for key in sorted(key for key in now.chains if not key.owned):
        yield from _rules(before.rules(key), now.rules(key), key, set(_touched_rules(key, touched)), reason)


def relevant(state: Snapshot, touched: Sequence[Change[Resource]]) -> Snapshot:
    """Give what of a state `restoration` looks at, so that it need not be kept whole.

    That is what is ours, sysctls, and the chains that hold our jumps or rules that were touched.
    """
    placed = _touched_chains(touched)
    kept = [resource for kind in KINDS for resource in state.all(kind) if resource.ours or isinstance(resource, Sysctl)]
    others = (chain for chain in state.all(Chain) if not chain.ours)
    holding = (chain for chain in others if chain.key in placed or any(map(is_our_jump, chain.rules)))
    return Snapshot.of(state.backend, [*kept, *holding])


class Deed(NamedTuple):
    """What was done to a node once: the changes, and the state before them."""

    changes: Sequence[Change[Resource]]
    before: Snapshot


def earlier(after: Snapshot, later: Sequence[Deed]) -> Snapshot:
    """Give the state to which to restore in order to undo several deeds, of which the first led from `after`.

    Objects of ours are as in `after`. What else was touched is as it was before the first deed that touched it.
    """
    placed = {key for deed in later for key in _touched_chains(deed.changes)}
    others = [chain for chain in after.all(Chain) if chain.key not in placed]
    chains = [Chain(key, _earlier_rules(key, after, later)) for key in sorted(placed)]
    sysctls: dict[Hashable, Sysctl] = {}
    for deed in later:
        touched = _touched_sysctls(deed.changes)
        sysctls = {each.key: each for each in deed.before.all(Sysctl) if _reached(each, touched)} | sysctls
    return after.replace(Chain, [*others, *chains]).replace(Sysctl, sysctls.values())


def _earlier_rules(key: ChainKey, after: Snapshot, later: Sequence[Deed]) -> tuple[Rule, ...]:
    touching = [(deed.before.rules(key), {*_touched_rules(key, deed.changes)}) for deed in later]
    rules = next(before for before, touched in touching if touched)
    seen: set[Rule] = set()
    for before, touched in touching:
        if touched:
            rules = _in_slots(put_back(before, rules, touched - seen))
            seen |= touched
    return _in_slots(put_back(after.rules(key), rules, ()))


def _in_slots(slots: Sequence[Slot]) -> tuple[Rule, ...]:
    return tuple(slot.rule for slot in slots)


def _sysctls(before: Snapshot, now: Snapshot, touched: Collection[str], reason: Reason) -> Iterator[Change[Sysctl]]:
    """Give the parameters that were touched their values back, and then those that the kernel rewrote with them.

    Of the latter only those of devices that are still there.
    """
    there = {each.name for each in now.all(Sysctl)}
    reached = (each for each in before.all(Sysctl) if _reached(each, touched))
    wanted = switched_first(each for each in reached if each.name in touched or each.name in there)
    names = {each.name for each in wanted} | {*touched}
    actual = [each for each in now.all(Sysctl) if each.name in names]
    yield from diff([Wanted(each, reason) for each in wanted], once_switched(actual, wanted), reason)


def _reached(sysctl: Sysctl, touched: Collection[str]) -> bool:
    """Whether a parameter was touched, or rewritten by the kernel as another one was."""
    return sysctl.name in touched or (follows(sysctl.name) and not SWITCHES.isdisjoint(touched))


def _rules(
    before: Sequence[Rule], now: Sequence[Rule], key: ChainKey, touched: Collection[Rule], reason: Reason
) -> Iterator[Change[PlacedRule]]:
    reasons = {rule: reason for rule in (*before, *now) if rule in touched or is_our_jump(rule)}
    yield from changes_to(key, now, put_back(before, now, touched), reasons)


def _touched_sysctls(touched: Iterable[Change[Resource]]) -> set[str]:
    return {change.resource.name for change in touched if isinstance(change.resource, Sysctl)}


def _touched_chains(touched: Iterable[Change[Resource]]) -> set[ChainKey]:
    return {change.resource.chain for change in touched if isinstance(change.resource, PlacedRule)}


def _touched_rules(key: ChainKey, touched: Iterable[Change[Resource]]) -> Iterator[Rule]:
    for change in touched:
        for placed in (change.before, change.after):
            if isinstance(placed, PlacedRule) and placed.chain == key:
                yield placed.rule
