"""What iptables-save prints, read as far as it is asked for: a table may hold a hundred thousand rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netplan.errors import ObserveError
from netplan.kinds.chain.iptables import reachable
from netplan.kinds.chain.rule import Rule, parse_rule_line
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.net import printable


@dataclass
class SavedTable:
    """A table's chains: the policy of each, None for a user-defined one, and the lines of its rules."""

    name: str
    policies: dict[str, str | None] = field(default_factory=dict)
    lines: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def length(self, chain: str) -> int:
        """Count a chain's rules."""
        return len(self.lines.get(chain, ()))

    def chain(self, name: str) -> Chain:
        """Read one chain; ObserveError names the line that can't be read."""
        key = ChainKey(4, self.name, name)
        rules = (_rule(self.name, number, line) for number, line in self.lines.get(name, ()))
        return Chain(key, tuple(rules), self.policies[name])

    def below(self, chain: Chain) -> Iterator[Chain]:
        """Read the chains that the rules of a chain lead to, and on from there."""
        seen = {chain.key.name}
        waiting = [chain]
        while waiting:
            above = waiting.pop()
            for key in reachable(above.rules, above.key):
                if key.name in self.policies and key.name not in seen:
                    seen.add(key.name)
                    waiting.append(self.chain(key.name))
                    yield waiting[-1]


def saved_tables(text: str) -> Iterable[SavedTable]:
    """Split what iptables-save prints; ObserveError names a line that is none of its."""
    tables: list[SavedTable] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("*"):
            tables.append(SavedTable(line[1:]))
        elif tables and line.startswith(":"):
            name, policy = line[1:].split()[:2]
            tables[-1].policies[name] = None if policy == "-" else policy
        elif tables and line.startswith("-A "):
            tables[-1].lines.setdefault(line.split(" ", 2)[1], []).append((number, line))
        elif line not in ("", "COMMIT") and not line.startswith("#"):
            raise ObserveError(f"line {number} of the saved rules can't be read: {printable(line)}")
    return tables


def _rule(table: str, number: int, line: str) -> Rule:
    try:
        return parse_rule_line(line)[1]
    except ValueError as error:
        raise ObserveError(f"table {table}: line {number} can't be read: {printable(str(error))}") from error
