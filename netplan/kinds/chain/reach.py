"""Which chains of a node are read: those that are named, and those that packets can reach, as far as it stays cheap.

Pure: the tables may be a kernel's or in memory.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Final, Protocol, Self

from msgspec import Struct, field

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.iptables.targets import TARGET_EXTENSIONS

FEW_RULES: Final = 2_000
"""How many rules of a table are read by what runs every minute."""
MANY_RULES: Final = 50_000
"""How many rules of a table are read while a user waits for the answer: a few seconds' work."""


class Tables(Protocol):
    """The tables of one packet filter, read at one time."""

    def read(self, key: ChainKey) -> Chain | None:
        """Read one chain, None if it does not exist; ObserveError if it can't be read whole."""

    def cost(self, key: ChainKey) -> int:
        """Say how many rules' work it is to read a chain, 0 if nothing more has to be read for it."""

    def length(self, key: ChainKey) -> int:
        """Say about how many rules a chain has, 0 if it is not known to exist."""

    def owned(self, table: str) -> Iterable[ChainKey]:
        """Find the chains of ours in a table, those of each IP version that is read."""


class Follows(Protocol):
    """Which rules packets may meet, as a value."""

    def __call__(self, hook: ChainKey, rule: Rule) -> bool:
        """Whether some of the packets that entered at a built-in chain may be led on by a rule."""

    def __or__(self, other: Self) -> Self:
        """Follow what either follows."""


class Reach(Struct, frozen=True):
    """Which chains are read.

    `chains` are read whatever they cost. With `walks` every chain is read that a packet can reach from them, with
    `traced` those that packets come to as far as they follow rules. Of a table that holds more than `limit` rules not
    more than those are read on the way, the nearest chains first. In the tables `searched` every chain of ours is read.
    """

    chains: frozenset[ChainKey] = frozenset()
    walks: frozenset[ChainKey] = frozenset()
    searched: frozenset[str] = frozenset()
    traced: frozenset[ChainKey] = frozenset()
    follows: Follows | None = None
    limit: int = FEW_RULES


class _Visit(Struct, frozen=True):
    """A chain, and the built-in one at which those packets entered that are followed; None: all packets are."""

    key: ChainKey
    hook: ChainKey | None


class _Reading(Struct):
    """Reads each chain once, and adds up what a table has cost."""

    tables: Tables
    limit: int
    chains: dict[ChainKey, Chain | None] = field(default_factory=dict)
    spent: Counter[tuple[int, str]] = field(default_factory=Counter)

    def named(self, key: ChainKey) -> None:
        if key not in self.chains:
            self.chains[key] = self.tables.read(key)

    def on_the_way(self, key: ChainKey) -> Chain | None:
        """Read a chain; one that costs too much comes without its rules, but with their number."""
        if key not in self.chains:
            cost = self.tables.cost(key)
            if self.spent[key[:2]] + cost <= self.limit:
                self.spent[key[:2]] += cost
                self.chains[key] = self.tables.read(key)
            else:
                length = self.tables.length(key)
                self.chains[key] = Chain(key, unread=length) if length else None
        return self.chains[key]


def reached(tables: Tables, reach: Reach) -> Iterator[Chain]:
    """Read the chains of a reach that exist.

    What would have cost too much is given without rules, as `unread`: such a chain may do anything.
    """
    reading = _Reading(tables, reach.limit)
    owned = {key for table in reach.searched for key in tables.owned(table)}
    for key in sorted(reach.chains | owned):
        reading.named(key)
    waiting = deque(_Visit(key, None) for key in sorted(reach.walks))
    waiting += [_Visit(key, key if reach.follows else None) for key in sorted(reach.traced - reach.walks)]
    seen = set(waiting)
    while waiting:
        visit = waiting.popleft()
        chain = reading.on_the_way(visit.key)
        for key in dict.fromkeys(_below(chain, visit.hook, reach.follows)) if chain else ():
            further = _Visit(key, visit.hook)
            if further not in seen:
                seen.add(further)
                waiting.append(further)
    return (chain for chain in reading.chains.values() if chain is not None)


def _below(chain: Chain, hook: ChainKey | None, follows: Follows | None) -> Iterator[ChainKey]:
    """Return the chains that the rules of a chain lead packets into."""
    for rule in chain.rules:
        if rule.target is None or rule.target.name in TARGET_EXTENSIONS:
            continue
        if hook is None or follows is None or follows(hook, rule):
            yield chain.key._replace(name=rule.target.name)
