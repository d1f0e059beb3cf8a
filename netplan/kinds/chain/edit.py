"""Edit a chain that holds other programs' rules: what moves is ours, or named by the spec; the rest keeps its order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.kinds.resource import Change, Reason, Resource
from netplan.netfilter.iptables.rule import Rule


class Slot(Struct, frozen=True):
    """A rule of a chain as it should become; `origin` is its index in the chain as it is, None for one that comes."""

    rule: Rule
    origin: int | None = None


class ConflictError(ValueError):
    """A chain is no longer what the changes were made for."""


def changes_to(
    key: ChainKey, now: Sequence[Rule], slots: Sequence[Slot], reasons: dict[Rule, Reason]
) -> list[Change[PlacedRule]]:
    """Return the changes that turn the rules `now` into those of `slots`; one that changes only its place is moved."""
    stays = {slot.origin for slot in slots}
    deleted = [PlacedRule(key, index + 1, rule) for index, rule in enumerate(now) if index not in stays]
    created = [PlacedRule(key, index + 1, slot.rule) for index, slot in enumerate(slots) if slot.origin is None]
    changes = []
    for placed in deleted:
        after = next((candidate for candidate in created if candidate.rule == placed.rule), None)
        if after is not None:
            created.remove(after)
        changes.append(Change(placed, after, reasons[placed.rule]))
    changes += [Change(None, placed, reasons[placed.rule]) for placed in created]
    return changes


def by_chain(changes: Iterable[Change[Resource]]) -> dict[ChainKey, list[Change[PlacedRule]]]:
    """Return the changes of placed rules, sorted by the chains that hold these."""
    placed: dict[ChainKey, list[Change[PlacedRule]]] = {}
    for change in changes:
        before, after = change.before, change.after
        if isinstance(before, PlacedRule | None) and isinstance(after, PlacedRule | None):
            rule = Change(before, after, change.reason)
            placed.setdefault(rule.resource.chain, []).append(rule)
    return placed


def edited(chain: Chain, changes: Iterable[Change[PlacedRule]]) -> Chain:
    """Return the chain after the changes; ConflictError if a rule that goes does not stand where it should."""
    changes = tuple(changes)
    deleted = {change.before.position: change.before.rule for change in changes if change.before is not None}
    for position, rule in deleted.items():
        if position > len(chain.rules) or chain.rules[position - 1] != rule:
            raise ConflictError(f"rule {position} of {chain.key} is not {rule}")
    rules = [rule for position, rule in enumerate(chain.rules, 1) if position not in deleted]
    for placed in sorted((change.after for change in changes if change.after is not None), key=lambda p: p.position):
        if placed.position > len(rules) + 1:
            raise ConflictError(f"{chain.key} has no position {placed.position}")
        rules.insert(placed.position - 1, placed.rule)
    return Chain(chain.key, tuple(rules), chain.policy)


def commands(now: Chain, changes: Iterable[Change[PlacedRule]]) -> Iterator[str]:
    """Return the iptables-restore lines that make the changes; ConflictError as in `edited`.

    Rules go by their text, so that a rule which vanished meanwhile fails the whole table, and never by their number,
    which another program's insert would shift. `-D` takes the first of equal rules: where one of several must go, all
    of them go and the others come back at their places, in the same transaction.
    """
    changes = tuple(changes)
    after = edited(now, changes)
    deleted = {change.before.rule for change in changes if change.before is not None}
    created_positions = {change.after.position for change in changes if change.after is not None}
    for rule in now.rules:
        if rule in deleted:
            yield f"-D {now.key.name} {rule}"
    for position, rule in enumerate(after.rules, 1):
        if rule in deleted or position in created_positions:
            yield f"-I {now.key.name} {position} {rule}"
