"""The tables of a file in the format of iptables-save: where its lines stand, and the rules that they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final

from msgspec import Struct, field

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.net import printable
from netplan.netfilter.iptables.quoting import pictured
from netplan.netfilter.iptables.rule import Rule, parse_rule_line

_COUNTERS: Final = re.compile(r"\[\d+:\d+\]\s+")
_RULE: Final = re.compile(r"(?:\[\d+:\d+\]\s+)?-A\s+(\S+)")


class SavedRulesError(ValueError):
    """The file holds a line that iptables-save does not write."""


class RuleLine(Struct, frozen=True):
    """A rule's line: its index in the file, None for one that is to come back, its chain, and the line itself."""

    index: int | None
    chain: ChainKey
    line: str

    @property
    def text(self) -> str:
        """The line without counters."""
        return _COUNTERS.sub("", self.line, count=1) if self.line.startswith("[") else self.line

    def rule(self) -> Rule:
        """Return the rule; SavedRulesError if it can't be read."""
        try:
            return parse_rule_line(pictured(self.text), version=self.chain.version)[1]
        except ValueError as error:
            raise _unreadable(self.index or 0, str(error)) from error


class Table(Struct):
    """A table of the file: the indexes of its first line, of its COMMIT and of its chains' headers, and its rules.

    A chain may have several headers.
    """

    name: str
    version: int
    start: int
    end: int = 0
    headers: dict[str, list[int]] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[RuleLine]] = field(default_factory=dict)

    def last_before(self, chain: str) -> int:
        """Return the index of the line after which the rules of a chain that has none would stand."""
        before = takewhile(lambda name: name != chain, self.headers)
        rules = [entry.index or 0 for name in before for entry in self.rules.get(name, ())]
        return max([self.last_header, *rules])

    @property
    def last_header(self) -> int:
        """The index of the last header; without any that of the first line."""
        return max([self.start, *(index for indexes in self.headers.values() for index in indexes)])

    def key(self, chain: str) -> ChainKey:
        """Return the key of one of its chains."""
        return ChainKey(self.version, self.name, chain)

    def chains(self) -> Iterator[str]:
        """Return the name of every chain that has a header or a rule."""
        return iter(dict.fromkeys([*self.headers, *self.rules]))


class TableChains(Mapping[ChainKey, Chain]):
    """The chains of a table, each read when a packet comes to it: the file may hold a hundred thousand rules."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._read: dict[ChainKey, Chain] = {}

    def __getitem__(self, key: ChainKey) -> Chain:
        if key not in self._read:
            if key.name not in {*self._table.headers, *self._table.rules}:
                raise KeyError(key)
            policy = self._table.policies.get(key.name, "-")
            rules = tuple(entry.rule() for entry in self._table.rules.get(key.name, ()))
            self._read[key] = Chain(key, rules, None if policy == "-" else policy)
        return self._read[key]

    def __iter__(self) -> Iterator[ChainKey]:
        return map(self._table.key, self._table.chains())

    def __len__(self) -> int:
        return len({*self._table.headers, *self._table.rules})


def tables_of(lines: Sequence[str], version: int) -> list[Table]:
    """Return the tables of a file of an IP version; SavedRulesError names the line that can't be read."""
    tables: list[Table] = []
    inside: Table | None = None
    for index, line in enumerate(lines):
        if not line or line.startswith("#"):
            continue
        if inside is None:
            if not line.startswith("*") or not line[1:].strip():
                raise _unreadable(index, f"{line!r} stands outside of a table")
            inside = Table(line[1:].strip(), version, index)
            tables.append(inside)
        elif line == "COMMIT":
            inside.end = index
            inside = None
        else:
            _add(inside, index, line)
    if inside is not None:
        raise _unreadable(inside.start, f"table {inside.name} has no COMMIT")
    return tables


def _add(table: Table, index: int, line: str) -> None:
    """Add a chain's header or a rule to a table."""
    words = line[1:].split()
    if line.startswith(":") and len(words) > 1:
        table.headers.setdefault(words[0], []).append(index)
        table.policies[words[0]] = words[1]
        return
    named = _RULE.match(line)
    if named is None or line.endswith("\r"):
        raise _unreadable(index, f"{line!r} is nothing that iptables-save writes")
    table.rules.setdefault(named[1], []).append(RuleLine(index, table.key(named[1]), line))


def _unreadable(index: int, why: str) -> SavedRulesError:
    return SavedRulesError(f"line {index + 1}: {printable(why)}")
