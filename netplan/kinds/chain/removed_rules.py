"""Other programs' rules removed from the file that is loaded at boot: which, from where, and how they come back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Self

from msgspec import Struct

from netplan.kinds.chain.place import put_back
from netplan.kinds.chain.saved_tables import RuleLine, Table
from netplan.kinds.chain.value import ChainKey, is_our_jump
from netplan.kinds.resource import Json
from netplan.netfilter.iptables.built_in import BUILT_IN
from netplan.netfilter.iptables.rule import Rule


class RemovedRule(Struct, frozen=True):
    """A removed rule: its index among the lines of its chain, and the generation for which it was removed."""

    index: int
    generation: int


class RemovedRules(Struct, frozen=True):
    """The rules that were removed from a chain of a file, and the lines of the chain among which they stood.

    `led_to` are the chains of the file that those rules lead to: without them the file could not be loaded.
    """

    chain: ChainKey
    lines: tuple[str, ...]
    rules: tuple[RemovedRule, ...]
    led_to: tuple[str, ...] = ()

    @property
    def texts(self) -> Iterator[tuple[RuleLine, int]]:
        """The lines that were removed, and the generation for which each was."""
        return ((RuleLine(None, self.chain, self.lines[rule.index]), rule.generation) for rule in self.rules)

    def to_json(self) -> Json:
        """Return the rules as JSON values; `from_json` reads them back."""
        return {
            "version": self.chain.version,
            "table": self.chain.table,
            "chain": self.chain.name,
            "lines": self.lines,
            "taken": [{"index": rule.index, "generation": rule.generation} for rule in self.rules],
            "led_to": self.led_to,
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read what `to_json` returned; ValueError, KeyError or TypeError if it is something else."""
        key = ChainKey(int(data["version"]), str(data["table"]), str(data["chain"]))
        lines = tuple(map(str, data["lines"]))
        rules = tuple(RemovedRule(int(rule["index"]), int(rule["generation"])) for rule in data["taken"])
        if not all(0 <= rule.index < len(lines) for rule in rules):
            raise ValueError(f"a rule of {key} has no line")
        for line in lines:
            RuleLine(None, key, line).rule()
        return cls(key, lines, rules, tuple(map(str, data["led_to"])))


class FileRemovals(Struct, frozen=True):
    """What was removed from an IP version's file, and the generation since which podnet's rules are in it.

    A file that was `empty` before that is empty again without them; any other in which nothing is left is deleted.
    """

    path: str
    version: int
    since: int
    chains: tuple[RemovedRules, ...]
    empty: bool = False

    def to_json(self) -> Json:
        """Return it as JSON values; `from_json` reads them back."""
        chains = [rules.to_json() for rules in self.chains]
        data = {"path": self.path, "version": self.version, "since": self.since, "chains": chains}
        return {**data, "empty": True} if self.empty else data

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read what `to_json` returned; ValueError, KeyError or TypeError if it is something else."""
        chains = tuple(map(RemovedRules.from_json, data["chains"]))
        return cls(str(data["path"]), int(data["version"]), int(data["since"]), chains, bool(data.get("empty")))


def with_removed(entries: Sequence[RuleLine], removed: RemovedRules | None) -> list[RuleLine]:
    """Return the lines of a chain with those that were removed from it, at their places.

    A line that stands in the file again was put there by another program: that one counts.
    """
    if removed is None:
        return [*entries]
    foreign = [entry for entry in entries if not is_our_jump(entry.rule())]
    rules = [entry.rule() for entry in foreign]
    before = [(line, RuleLine(None, removed.chain, line).rule()) for line in removed.lines]
    missing = {before[rule.index][1] for rule in removed.rules}.difference(rules)
    lines = iter([line for line, rule in before if rule in missing])
    slots = put_back([rule for _, rule in before], rules, missing)
    whole = [
        RuleLine(None, removed.chain, next(lines)) if slot.origin is None else foreign[slot.origin] for slot in slots
    ]
    for index, entry in enumerate(entries):
        if is_our_jump(entry.rule()):
            whole.insert(whole.index(entries[index - 1]) + 1 if index else 0, entry)
    return whole


def removed_from(
    entries: Sequence[RuleLine], indexes: Collection[int], former: RemovedRules | None, table: Table, generation: int
) -> RemovedRules:
    """Return what is remembered of a chain whose entries with these indexes are not in the file.

    What was removed for an earlier generation stays removed for that one.
    """
    known = {entry.rule(): number for entry, number in (former.texts if former is not None else ())}
    rules = [(index, entries[index].rule()) for index in sorted(indexes)]
    removed = tuple(RemovedRule(index, known.get(rule, generation)) for index, rule in rules)
    targets = dict.fromkeys(rule.target.name for _, rule in rules if rule.target is not None)
    led_to = {*(name for name in targets if name in table.chains()), *(former.led_to if former is not None else ())}
    return RemovedRules(
        table.key(entries[0].chain.name),
        tuple(entry.line for entry in entries),
        removed,
        tuple(name for name in targets if name in led_to),
    )


def loadable(removed: RemovedRules, table: Table | None) -> bool:
    """Whether the file could be loaded with what was removed from it: the chains are still there."""
    if table is None:
        return False
    there = {*table.chains()}
    return (removed.chain.name in BUILT_IN or removed.chain.name in there) and there.issuperset(removed.led_to)


def rules_for(removals: Iterable[RemovedRules], generation: int) -> Iterator[tuple[ChainKey, Rule]]:
    """Return the rules that were not in the file in the state of a generation."""
    for rules in removals:
        yield from ((rules.chain, entry.rule()) for entry, number in rules.texts if number <= generation)
