"""Rules of others that were taken out of the file that is loaded at boot: which, from where, and how they come back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Self

from msgspec import Struct

from netplan.kinds.chain.place import put_back
from netplan.kinds.chain.saved_tables import Entry, Table
from netplan.kinds.chain.value import ChainKey, is_our_jump
from netplan.kinds.resource import Json
from netplan.netfilter.iptables.built_in import BUILT_IN
from netplan.netfilter.iptables.rule import Rule


class Taken(Struct, frozen=True):
    """A rule that was taken out: its index among the lines of its chain, and the generation that it was taken for."""

    index: int
    generation: int


class TakenRules(Struct, frozen=True):
    """The rules that were taken out of a chain of a file, and the lines of the chain among which they stood.

    `led_to` are the chains of the file that those rules lead to: without them the file could not be loaded.
    """

    chain: ChainKey
    lines: tuple[str, ...]
    taken: tuple[Taken, ...]
    led_to: tuple[str, ...] = ()

    @property
    def texts(self) -> Iterator[tuple[Entry, int]]:
        """The lines that were taken out, and the generation that each was taken for."""
        return ((Entry(None, self.chain, self.lines[removed.index]), removed.generation) for removed in self.taken)

    def to_json(self) -> Json:
        """Return the rules as JSON values; `from_json` reads them back."""
        return {
            "version": self.chain.version,
            "table": self.chain.table,
            "chain": self.chain.name,
            "lines": self.lines,
            "taken": [{"index": removed.index, "generation": removed.generation} for removed in self.taken],
            "led_to": self.led_to,
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read what `to_json` returned; ValueError, KeyError or TypeError if it is something else."""
        key = ChainKey(int(data["version"]), str(data["table"]), str(data["chain"]))
        lines = tuple(map(str, data["lines"]))
        taken = tuple(Taken(int(removed["index"]), int(removed["generation"])) for removed in data["taken"])
        if not all(0 <= removed.index < len(lines) for removed in taken):
            raise ValueError(f"a rule of {key} has no line")
        for line in lines:
            Entry(None, key, line).rule()
        return cls(key, lines, taken, tuple(map(str, data["led_to"])))


class TakenFrom(Struct, frozen=True):
    """What was taken out of an IP version's file, and the generation since which podnet's rules are in it.

    One that was `empty` before that is empty again without them; else one in which nothing is left goes.
    """

    path: str
    version: int
    since: int
    rules: tuple[TakenRules, ...]
    empty: bool = False

    def to_json(self) -> Json:
        """Return it as JSON values; `from_json` reads them back."""
        chains = [rules.to_json() for rules in self.rules]
        data = {"path": self.path, "version": self.version, "since": self.since, "chains": chains}
        return {**data, "empty": True} if self.empty else data

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read what `to_json` returned; ValueError, KeyError or TypeError if it is something else."""
        rules = tuple(map(TakenRules.from_json, data["chains"]))
        return cls(str(data["path"]), int(data["version"]), int(data["since"]), rules, bool(data.get("empty")))


def with_taken(entries: Sequence[Entry], taken: TakenRules | None) -> list[Entry]:
    """Return the lines of a chain with those that were taken out of it, at their places.

    One that stands in the file again was put there by another program: that one counts.
    """
    if taken is None:
        return [*entries]
    foreign = [entry for entry in entries if not is_our_jump(entry.rule())]
    rules = [entry.rule() for entry in foreign]
    before = [(line, Entry(None, taken.chain, line).rule()) for line in taken.lines]
    missing = {before[removed.index][1] for removed in taken.taken}.difference(rules)
    lines = iter([line for line, rule in before if rule in missing])
    slots = put_back([rule for _, rule in before], rules, missing)
    whole = [Entry(None, taken.chain, next(lines)) if slot.origin is None else foreign[slot.origin] for slot in slots]
    for index, entry in enumerate(entries):
        if is_our_jump(entry.rule()):
            whole.insert(whole.index(entries[index - 1]) + 1 if index else 0, entry)
    return whole


def taken_out(
    entries: Sequence[Entry], indexes: Collection[int], former: TakenRules | None, table: Table, generation: int
) -> TakenRules:
    """Return what is remembered of a chain of which the entries with the indexes `gone` are not in the file.

    What was taken out for an earlier generation stays taken for that one.
    """
    known = {entry.rule(): number for entry, number in (former.texts if former is not None else ())}
    rules = [(index, entries[index].rule()) for index in sorted(indexes)]
    taken = tuple(Taken(index, known.get(rule, generation)) for index, rule in rules)
    targets = dict.fromkeys(rule.target.name for _, rule in rules if rule.target is not None)
    led_to = {*(name for name in targets if name in table.chains()), *(former.led_to if former is not None else ())}
    return TakenRules(
        table.key(entries[0].chain.name),
        tuple(entry.line for entry in entries),
        taken,
        tuple(name for name in targets if name in led_to),
    )


def loadable(taken: TakenRules, table: Table | None) -> bool:
    """Whether the file could be loaded with what was taken out of it: the chains are there still."""
    if table is None:
        return False
    there = {*table.chains()}
    return (taken.chain.name in BUILT_IN or taken.chain.name in there) and there.issuperset(taken.led_to)


def rules_for(taken: Iterable[TakenRules], generation: int) -> Iterator[tuple[ChainKey, Rule]]:
    """Return the rules that were out of the file already in the state of a generation."""
    for rules in taken:
        yield from ((rules.chain, entry.rule()) for entry, number in rules.texts if number <= generation)
