"""What iptables-save prints, read as far as it is asked for: a table may hold a hundred thousand rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property

from netplan.errors import ObserveError
from netplan.kinds.chain.built_in import BUILT_IN
from netplan.kinds.chain.rule import Rule, parse_rule_line
from netplan.kinds.chain.value import OWNED_PREFIX, Chain, ChainKey
from netplan.net import printable


@dataclass
class SavedTable:
    """A table's chains: the policy of each, None for a user-defined one, and the lines of its rules."""

    name: str
    version: int = 4
    policies: dict[str, str | None] = field(default_factory=dict)
    lines: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    @cached_property
    def total(self) -> int:
        """Count the rules of all chains."""
        return sum(map(len, self.lines.values()))

    def length(self, chain: str) -> int:
        """Count a chain's rules."""
        return len(self.lines.get(chain, ()))

    def chain(self, name: str) -> Chain:
        """Read one chain; ObserveError names the line that can't be read."""
        key = ChainKey(self.version, self.name, name)
        rules = (_rule(key, number, line) for number, line in self.lines.get(name, ()))
        return Chain(key, tuple(rules), self.policies[name])


class SavedTables:
    """Tables that are read whole, each when it is first asked for, and parsed as far as they are reached.

    `load` gives a table by its name, None if there is no such one.
    """

    def __init__(self, load: Callable[[str], SavedTable | None], limit: int) -> None:
        self._load = cache(load)
        self._limit = limit

    def read(self, key: ChainKey) -> Chain | None:
        """Read one chain, None if it does not exist."""
        table = self._load(key.table)
        if table is None or key.name not in table.policies:
            return absent(key)
        return table.chain(key.name)

    def cost(self, key: ChainKey) -> int:
        """Say how many rules have to be parsed; of a table that is not too big none count."""
        table = self._load(key.table)
        return 0 if table is None or table.total <= self._limit else table.length(key.name)

    def length(self, key: ChainKey) -> int:
        """Count a chain's rules."""
        table = self._load(key.table)
        return 0 if table is None else table.length(key.name)

    def owned(self, table: str) -> Iterator[ChainKey]:
        """Find the chains of ours in a table."""
        found = self._load(table)
        if found is not None:
            names = (name for name in found.policies if name.startswith(OWNED_PREFIX))
            yield from (ChainKey(found.version, table, name) for name in names)


def absent(key: ChainKey) -> Chain | None:
    """Give what stands for a chain that is not there: a built-in one of IPv4 is empty and accepts."""
    return Chain(key, (), "ACCEPT") if key.name in BUILT_IN and key.version == 4 else None


def saved_tables(text: str, version: int = 4) -> list[SavedTable]:
    """Split what iptables-save or ip6tables-save prints; ObserveError names a line that is none of its."""
    tables: list[SavedTable] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("*"):
            tables.append(SavedTable(line[1:], version))
        elif tables and line.startswith(":"):
            name, policy = line[1:].split()[:2]
            tables[-1].policies[name] = None if policy == "-" else policy
        elif tables and line.startswith("-A "):
            tables[-1].lines.setdefault(line.split(" ", 2)[1], []).append((number, line))
        elif line not in ("", "COMMIT") and not line.startswith("#"):
            raise ObserveError(f"line {number} of the saved rules can't be read: {printable(line)}")
    return tables


def _rule(key: ChainKey, number: int, line: str) -> Rule:
    try:
        return parse_rule_line(line, version=key.version)[1]
    except ValueError as error:
        raise ObserveError(f"table {key.table_label}: line {number} can't be read: {printable(str(error))}") from error
