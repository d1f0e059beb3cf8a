"""Where our jump stands in a chain among other programs' rules, and how a rule that was taken away comes back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from netplan.kinds.chain.edit import Slot, by_chain, changes_to, edited
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule, is_our_jump
from netplan.kinds.resource import Change, Resource
from netplan.netfilter.iptables.rule import Rule


class Span(NamedTuple):
    """The gaps between foreign rules in which a jump may stand; gap 0 is before the first rule.

    A jump within the span stays where it is, so that podnet does not fight with programs that add rules; one that is
    not there, or has been overtaken, goes to gap `high`.
    """

    low: int
    high: int


def arrange(
    now: Sequence[Rule], jump: Rule | None, removed: Collection[Rule], span: Callable[[Sequence[Rule]], Span]
) -> list[Slot]:
    """Return the chain as it should be: without `removed`, every foreign rule in its order, one `jump` in its span.

    `span` is asked with the foreign rules that stay. Without a `jump`, every jump of ours goes.
    """
    foreign = [Slot(rule, index) for index, rule in enumerate(now) if rule not in removed and not is_our_jump(rule)]
    if jump is None:
        return foreign
    allowed = span([slot.rule for slot in foreign])
    gap, origin = _standing(now, jump, foreign, allowed) or (allowed.high, None)
    return [*foreign[:gap], Slot(jump, origin), *foreign[gap:]]


def _standing(now: Sequence[Rule], jump: Rule, foreign: Sequence[Slot], span: Span) -> tuple[int, int] | None:
    """Return the gap and the index of the first jump that stands within the span."""
    for index, rule in enumerate(now):
        if rule == jump:
            gap = sum(1 for slot in foreign if slot.origin is not None and slot.origin < index)
            if span.low <= gap <= span.high:
                return gap, index
    return None


def put_back(before: Sequence[Rule], now: Sequence[Rule], touched: Collection[Rule]) -> list[Slot]:
    """Return the chain as it should be to undo what was done to it: rules that others added meanwhile stay.

    Our jumps and the `touched` rules come to stand as they did in `before`: each behind the rule that it followed
    there, or the nearest one before that which is still there.
    """
    slots = [Slot(rule, index) for index, rule in enumerate(now) if not _undone(rule, touched)]
    unclaimed = [Slot(rule, index) for index, rule in enumerate(now) if _undone(rule, touched)]
    low = 0
    for index, rule in enumerate(before):
        if _undone(rule, touched):
            allowed = Span(low, _next_anchor(slots, low, before[index + 1 :], touched))
            slot, low = _claim(unclaimed, slots, rule, allowed) or (Slot(rule), low)
            slots.insert(low, slot)
            low += 1
        elif (anchor := _find(slots, rule, low)) is not None:
            low = anchor + 1
    return slots


def rebased(
    changes: Iterable[Change[Resource]], before: Iterable[Chain], now: Mapping[ChainKey, Chain]
) -> list[Change[Resource]]:
    """Return the changes to chains as they are `now` that do what `changes` would have done to them as they were.

    A rule that comes stands behind the one that it would have followed, wherever others have moved that meanwhile; one
    that is gone already needs no change. ConflictError if the changes do not fit the chains before.
    """
    changes = list(changes)
    placed = by_chain(changes)
    moved = {chain.key: chain for chain in before if chain.key in placed and _differs(chain, now)}
    staying = (change for change in changes if not _is_in(change.resource, moved))
    return [*staying, *(change for key, was in moved.items() for change in _rebased(placed[key], was, now[key]))]


def _differs(chain: Chain, now: Mapping[ChainKey, Chain]) -> bool:
    return not chain.unread and chain.key in now and now[chain.key].rules != chain.rules


def _is_in(resource: Resource, chains: Collection[ChainKey]) -> bool:
    return isinstance(resource, PlacedRule) and resource.chain in chains


def _rebased(changes: Sequence[Change[PlacedRule]], before: Chain, now: Chain) -> list[Change[PlacedRule]]:
    reasons = {rule: changes[0].reason for rule in now.rules if is_our_jump(rule)}
    touched = {side.rule: change.reason for change in changes for side in (change.before, change.after) if side}
    slots = put_back(edited(before, changes).rules, now.rules, touched)
    return changes_to(now.key, now.rules, slots, reasons | touched)


def _undone(rule: Rule, touched: Collection[Rule]) -> bool:
    return rule in touched or is_our_jump(rule)


def _find(slots: Sequence[Slot], rule: Rule, start: int) -> int | None:
    return next((index for index in range(start, len(slots)) if slots[index].rule == rule), None)


def _next_anchor(slots: Sequence[Slot], low: int, later: Sequence[Rule], touched: Collection[Rule]) -> int:
    """Return the gap before the first of the `later` rules that stands in the chain still."""
    anchors = (_find(slots, rule, low) for rule in later if not _undone(rule, touched))
    return next((anchor for anchor in anchors if anchor is not None), len(slots))


def _claim(unclaimed: list[Slot], slots: Sequence[Slot], rule: Rule, allowed: Span) -> tuple[Slot, int] | None:
    """Take a rule that already stands in the allowed span, and its gap, so that it need not be moved."""
    for slot in unclaimed:
        gap = _gap(slots, slot)
        if slot.rule == rule and allowed.low <= gap <= allowed.high:
            unclaimed.remove(slot)
            return slot, gap
    return None


def _gap(slots: Sequence[Slot], slot: Slot) -> int:
    """Return the gap of `slots` in which a rule of the chain as it is stands."""
    origin = -1 if slot.origin is None else slot.origin
    after = (index for index, other in enumerate(slots) if other.origin is not None and other.origin > origin)
    return next(after, len(slots))
