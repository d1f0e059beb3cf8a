"""What iptables-save prints, read as far as it is asked for: a table may hold a hundred thousand rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from itertools import pairwise
from typing import Final

from msgspec import Struct

from netplan.errors import ObserveError
from netplan.kinds.chain.value import OWNED_PREFIX, Chain, ChainKey
from netplan.net import printable
from netplan.netfilter.iptables.built_in import BUILT_IN
from netplan.netfilter.iptables.quoting import logical_lines
from netplan.netfilter.iptables.rule import Rule, kernel_rule

_TABLE: Final = re.compile(r"\n\*")
_POLICY: Final = re.compile(r"\n:(\S+) (\S+)")
_STRANGE: Final = re.compile(r"\n(?!#|\n)(.+)")
_NO_RULE: Final = re.compile(r"\n(?!-A |:\S+ \S|[#*]|COMMIT\n|\n)(.+)")
_LISTED: Final = re.compile(r"\n-(?:P|N) (\S+)(?: (\S+))?(?=\n)")
_RULE: Final = re.compile(r"\n-A ([^ \n]+)")
_SEARCHES: Final = 32
"""After so many searches of a table it is taken apart."""
_UNLISTED: Final = re.compile(r"\n(?!-[ANP] |#|\n)(.+)")


class SavedTable(Struct, frozen=True, dict=True):
    """A table as iptables-save prints it: in `text` each chain and each rule is a line of its own behind a newline.

    The text is searched for the first chains that are asked for: to take a hundred thousand lines apart takes longer
    than iptables-save.
    """

    name: str
    version: int = 4
    text: str = "\n"

    @cached_property
    def _known_starts(self) -> dict[str, list[int]]:
        """Where the rules of the chains stand that were asked for."""
        return {}

    @cached_property
    def _all(self) -> Mapping[str, list[int]]:
        """Where the rules of every chain stand."""
        starts: dict[str, list[int]] = {}
        for rule in _RULE.finditer(self.text):
            starts.setdefault(rule[1], []).append(rule.start() + 1)
        return starts

    @cached_property
    def total(self) -> int:
        """Count the rules of all chains."""
        return self.text.count("\n-A ")

    @cached_property
    def policies(self) -> Mapping[str, str | None]:
        """The policy of each chain, None for a user-defined one."""
        return {name: None if policy == "-" else policy for name, policy in _POLICY.findall(self._heads)}

    @cached_property
    def _heads(self) -> str:
        """The part of the text that holds the lines of all chains."""
        last = max(0, self.text.rfind("\n:"))
        return self.text[: self.text.find("\n", last + 1) + 1]

    def policy(self, chain: str) -> str | None:
        """Return a chain's policy, `-` for a user-defined one; None if there is no such chain."""
        if len(self._known_starts) > _SEARCHES:
            return (self.policies[chain] or "-") if chain in self.policies else None
        head = re.search(rf"\n:{re.escape(chain)} (\S+)", self._heads)
        return head[1] if head else None

    def length(self, chain: str) -> int:
        """Count a chain's rules."""
        return len(self._starts(chain))

    def chain(self, name: str) -> Chain:
        """Read one chain."""
        key = ChainKey(self.version, self.name, name)
        policy = self.policy(name)
        return Chain(
            key, tuple(self._rule(key, start) for start in self._starts(name)), None if policy == "-" else policy
        )

    def named(self, prefix: str) -> list[str]:
        """Return the chains whose names start so."""
        return re.findall(rf"\n:({re.escape(prefix)}\S*) ", self._heads)

    def _starts(self, chain: str) -> list[int]:
        """Find where each rule of a chain starts; one may have neither condition nor target."""
        if chain not in self._known_starts and len(self._known_starts) > _SEARCHES:
            return self._all.get(chain, [])
        if chain not in self._known_starts:
            start, starts = f"\n-A {chain}", []
            at = self.text.find(start)
            while at >= 0:
                if self.text[at + len(start)] in " \n":
                    starts.append(at + 1)
                at = self.text.find(start, at + 1)
            self._known_starts[chain] = starts
        return self._known_starts[chain]

    def _rule(self, key: ChainKey, start: int) -> Rule:
        return kernel_rule(self.text[start : self.text.find("\n", start)], version=key.version)


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
        if table is None or table.policy(key.name) is None:
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
        loaded = self._load(table)
        if loaded is not None:
            yield from (ChainKey(loaded.version, table, name) for name in loaded.named(OWNED_PREFIX))


def absent(key: ChainKey) -> Chain | None:
    """Return what stands for a chain that is not there: a built-in one is empty and accepts."""
    return Chain(key, (), "ACCEPT") if key.name in BUILT_IN else None


def saved_tables(text: str, version: int = 4) -> list[SavedTable]:
    """Split what iptables-save or ip6tables-save prints; ObserveError names a line that is none of its."""
    text = f"\n{logical_lines(text)}\n"
    starts = [heading.start() for heading in _TABLE.finditer(text)]
    _check(_STRANGE, text, 0, starts[0] if starts else len(text))
    return [_saved_table(text, version, *part) for part in pairwise([*starts, len(text) - 1])]


def _saved_table(text: str, version: int, start: int, end: int) -> SavedTable:
    """Read what stands from before the name of a table to behind its last line."""
    before, part = text.count("\n", 0, start), text[start : end + 1]
    _check(_NO_RULE, part, before, len(part))
    name, _, rules = part[2:].partition("\n")
    return SavedTable(name, version, f"\n{rules}")


def listed_table(text: str, table: str, version: int) -> SavedTable:
    """Read what `iptables -S` prints of a whole table; ObserveError names a line that is none of its."""
    text = f"\n{logical_lines(text)}\n"
    _check(_UNLISTED, text, 0, len(text))
    return SavedTable(table, version, _LISTED.sub(lambda chain: f"\n:{chain[1]} {chain[2] or '-'}", text))


def _check(strange: re.Pattern[str], text: str, before: int, end: int) -> None:
    """Raise ObserveError for the first line that is strange."""
    line = strange.search(text, 0, end)
    if line:
        number = before + text.count("\n", 0, line.start()) + 1
        raise ObserveError(f"line {number} of the saved rules can't be read: {printable(line[1])}")
