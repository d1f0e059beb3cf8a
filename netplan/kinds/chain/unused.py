"""Whether a table of nftables is as iptables makes it, with nothing in it: then no program misses it."""

from __future__ import annotations

from collections.abc import Mapping

from netplan.kinds.chain.tables import is_usual
from netplan.kinds.chain.value import ChainKey
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.netfilter.nftables.expression import ChainUse, read_chain
from netplan.netfilter.nftables.table import Table


def built_in(version: int, table: str) -> dict[ChainKey, ChainUse]:
    """Return those built-in chains of a table of an IP version that are there; ObserveError."""
    uses = {ChainKey(version, table, name): read_chain(version, table, name) for name in BUILT_IN_BY_TABLE[table]}
    return {key: chain for key, chain in uses.items() if chain is not None}


def is_unused(table: Table, chains: Mapping[ChainKey, ChainUse]) -> bool:
    """Whether a table holds its built-in chains and nothing else: `chains`, without a rule or a policy but accept."""
    return table.plain and table.uses == len(chains) and all(_is_empty(key, use) for key, use in chains.items())


def _is_empty(key: ChainKey, use: ChainUse) -> bool:
    return use.base is not None and is_usual(key, use) and not use.uses and use.base.policy == "accept"
