"""An iptables' tables as one reading sees them: with few processes, however many rules there are.

Of the nft backend the kernel says in one dump which chains there are and about how many rules each has. An empty table
needs no process, a small one is read whole by one, a big one chain by chain as it is reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property, partial
from typing import Final, TypeVar

from msgspec import Struct

from netplan.errors import ObserveError, UnsteadyError
from netplan.kinds.chain.legacy_tables import is_absent
from netplan.kinds.chain.programs import Iptables, check_read, parsed
from netplan.kinds.chain.reach import Tables
from netplan.kinds.chain.saved import SavedTable, SavedTables, absent, listed_table, saved_tables
from netplan.kinds.chain.value import OWNED_PREFIX, Chain, ChainKey, FirewallBackend
from netplan.net import printable
from netplan.netfilter.iptables.built_in import BUILT_IN
from netplan.netfilter.nftables.expression import (
    Chains,
    ChainUse,
    expressions,
    generation,
    names,
    read_chain,
    rules_by_chain,
    rules_of,
    uses,
)
from netplan.netfilter.nftables.misread import misread_among
from netplan.system.netlink.netfilter import Message

T = TypeVar("T")

_PROCESS: Final = 50
"""How many rules' work it is to start iptables."""
_CHAINS: Final = 3_000
"""How many chains iptables goes through in the time that it takes to start it."""
_TRIES: Final = 5
_PRIORITIES: Final = {"raw": {-300}, "mangle": {-150}, "nat": {-100}, "filter": {0}, "security": {50, 150}}
_SOURCE_NAT: Final = frozenset({("nat", "INPUT"), ("nat", "POSTROUTING")})
_SOURCE_NAT_PRIORITY: Final = {100}


def tables(iptables: Iptables, chains: Chains, limit: int) -> Tables:
    """Return the tables of an iptables; `chains` are nftables', `limit` is how many rules are read whole."""
    if iptables.backend is FirewallBackend.NFT:
        return NftTables(iptables, chains, limit)
    return SavedTables(lambda table: _legacy(iptables, table), limit)


def _legacy(iptables: Iptables, table: str) -> SavedTable | None:
    """Read a legacy table that exists: to ask for another one would create it."""
    absent = is_absent(table, iptables.version)
    return None if absent else _table(iptables.save(table), table, iptables.version)


def _table(saved: str, table: str, version: int) -> SavedTable:
    return next(
        (candidate for candidate in saved_tables(saved, version) if candidate.name == table), SavedTable(table, version)
    )


class BothVersions:
    """The tables of iptables and of ip6tables."""

    def __init__(self, ipv4: Tables, ipv6: Tables) -> None:
        self._of = {4: ipv4, 6: ipv6}

    def read(self, key: ChainKey) -> Chain | None:
        """Read one chain, None if it does not exist."""
        return self._of[key.version].read(key)

    def cost(self, key: ChainKey) -> int:
        """Say how many rules' work it is to read a chain."""
        return self._of[key.version].cost(key)

    def length(self, key: ChainKey) -> int:
        """Say about how many rules a chain has."""
        return self._of[key.version].length(key)

    def owned(self, table: str) -> Iterator[ChainKey]:
        """Find the chains of ours in the two tables of a name."""
        for tables in self._of.values():
            yield from tables.owned(table)


class _Whole(Struct, frozen=True):
    """A table that was read at once, and its rules as the kernel keeps them."""

    listed: SavedTable
    messages: Mapping[str, list[Message]]


class NftTables:
    """The tables of iptables-nft.

    What the dump says of a chain is not believed where a rule that was read later disagrees: iptables is asked then.
    """

    def __init__(self, iptables: Iptables, chains: Chains, limit: int) -> None:
        self._iptables = iptables
        self._chains = chains
        self._limit = limit
        self._use = cache(partial(read_chain, iptables.version))
        self._is_small = cache(self._is_within_limit)
        self._wholes: dict[str, _Whole | None] = {}
        self._alone_of: Counter[str] = Counter()
        self._read: dict[ChainKey, Chain | None] = {}
        self._led_to: set[ChainKey] = set()

    def read(self, key: ChainKey) -> Chain | None:
        """Read one chain, None if it does not exist; ObserveError if it can't be read whole."""
        use = self._use(key.table, key.name)
        if use is not None and not is_usual(key, use):
            raise ObserveError(
                f"table {key.table_label} can't be read safely: its chain {printable(key.name)} is nft's own"
            )
        if key not in self._read:
            whole = self._whole(key)
            self._read[key] = self._alone(key) if whole is None else self._part(whole, key)
        return self._read[key]

    def cost(self, key: ChainKey) -> int:
        """Say how many rules' work it is to read a chain; of a table that is read whole none counts."""
        if key in self._read or self._is_small(key.table) or self._is_told(key):
            return 0
        return _PROCESS + self.length(key)

    def length(self, key: ChainKey) -> int:
        """Say about how many rules a chain has, jumps to it included."""
        use = self._use(key.table, key.name)
        return 0 if use is None else use.uses

    def owned(self, table: str) -> Iterator[ChainKey]:
        """Find the chains of ours in a table."""
        return (ChainKey(self._iptables.version, table, name) for held_by, name in self._owned if held_by == table)

    @cached_property
    def _owned(self) -> tuple[tuple[str, str], ...]:
        return tuple(names(self._chains, self._iptables.version, OWNED_PREFIX))

    def _is_within_limit(self, table: str) -> bool:
        """Whether a table has rules, and not too many to be read at once."""
        return 0 < uses(self._chains, self._iptables.version, table, self._limit) <= self._limit

    def _whole(self, key: ChainKey) -> _Whole | None:
        """Read the table of a chain at once; None if that does not pay, or if iptables prints only some of its chains.

        To list a table iptables goes through all chains of the node, to list a chain through none.
        """
        table = key.table
        if table not in self._wholes:
            if self._is_told(key) or not self._is_small(table):
                return None
            self._alone_of[table] += 1
            if self._alone_of[table] * _CHAINS < sum(map(len, self._chains.values())):
                return None
            self._wholes[table] = _steadily(lambda: self._listed(table))
        return self._wholes[table]

    def _listed(self, table: str) -> _Whole | None:
        try:
            listed = self._iptables.list(table)
        except ObserveError:  # of a rule that it can't print; the other chains can be read one by one
            return None
        version = self._iptables.version
        return _Whole(listed_table(listed, table, version), rules_by_chain(table, version))

    def _part(self, whole: _Whole, key: ChainKey) -> Chain | None:
        """Return a chain of a table that was read; ObserveError if iptables has printed some of its rules as others.

        Built-in chains are listed where they are not there, too.
        """
        listed = whole.listed
        if listed.policy(key.name) is None or (not listed.length(key.name) and self._use(*key[1:]) is None):
            return absent(key)
        check_read(key.table_label, misread_among(key.name, map(expressions, whole.messages.get(key.name, ()))))
        return listed.chain(key.name)

    def _is_told(self, key: ChainKey) -> bool:
        """Whether the dump tells all there is to know of a chain: it is empty or absent."""
        return self.length(key) == 0 and key not in self._led_to

    def _alone(self, key: ChainKey) -> Chain | None:
        use = self._use(key.table, key.name)
        if self._is_told(key):
            policy = use.base.policy.upper() if use is not None and use.base is not None else None
            return absent(key) if use is None else Chain(key, (), policy)
        listing, messages = _steadily(lambda: (self._iptables.listing(key), rules_of(*key)))
        check_read(key.table_label, misread_among(key.name, map(expressions, messages)))
        chain = None if listing is None else parsed(key, listing)
        for rule in chain.rules if chain else ():
            if rule.target is not None:
                self._led_to.add(key._replace(name=rule.target.name))
        return chain


def is_usual(key: ChainKey, use: ChainUse) -> bool:
    """Whether packets enter a chain where iptables says: it prints one of nft's own at another place as empty."""
    base = use.base
    if base is None:
        return key.name not in BUILT_IN
    expected = _SOURCE_NAT_PRIORITY if key[1:] in _SOURCE_NAT else _PRIORITIES.get(key.table, set())
    return base.hook == key.name.lower() and base.priority in expected


def _steadily(read: Callable[[], T]) -> T:
    """Read while no rule changes; ObserveError if they change under each of several readings."""
    for _ in range(_TRIES):
        before = generation()
        result = read()
        if generation() == before:
            return result
    raise UnsteadyError("the packet filter changes faster than it can be read: try again")
