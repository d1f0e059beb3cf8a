"""Everything that filters packets beside this node's iptables: the other backend, and rules that nft made."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import product
from typing import Final

from netplan.errors import ObserveError
from netplan.kinds.chain.programs import Iptables
from netplan.kinds.chain.reach import Reach, Tables, reached
from netplan.kinds.chain.tables import tables
from netplan.kinds.chain.value import OWNED_PREFIX, Chain, ChainKey, FirewallBackend, table_label
from netplan.kinds.foreign_chain import legacy
from netplan.kinds.foreign_chain.value import OtherChain, Owner, program_of
from netplan.net import printable
from netplan.netfilter.iptables.built_in import BUILT_IN, BUILT_IN_BY_TABLE
from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.nftables import expression
from netplan.netfilter.nftables.elements import Sets
from netplan.netfilter.nftables.expression import Base
from netplan.netfilter.nftables.family import FAMILIES, versions_of
from netplan.netfilter.nftables.misread import native_set
from netplan.netfilter.nftables.terminal import chain_word
from netplan.netfilter.nftables.translate import translated
from netplan.system import programs

FOLLOWED: Final = 256
"""How many chains of a table are read besides those that packets enter."""

_OWN_TABLES: Final = ("nat", "filter")


def observe(backend: FirewallBackend, own: Tables, chains: expression.Chains, limit: int) -> Iterator[OtherChain]:
    """Read the chains beside those of an iptables that hold rules, drop packets by their policy, or bear our name.

    `own` are that iptables' tables, `chains` is nftables' dump; of another table not more than `limit` rules are read.
    ObserveError if some can't be read, or if nft wrote into the tables of this iptables.
    """
    bases = [base for base in expression.bases(chains) if base.rules or base.policy == "drop"]
    if backend is FirewallBackend.NFT:
        _check_own(own, bases, limit)
        foreign = [*legacy.observe(limit)]
    else:
        foreign = [*_ours(chains), *_nft([base for base in bases if _by_iptables(base)], chains, limit)]
    foreign += _native([base for base in bases if not _by_iptables(base)])
    yield from {chain.key: chain for chain in foreign}.values()


def _ours(there: expression.Chains) -> Iterator[OtherChain]:
    """Name the chains that podnet made when this node's iptables used nft."""
    for version in FAMILIES:
        for table, name in expression.names(there, version, OWNED_PREFIX):
            if table in BUILT_IN_BY_TABLE:
                yield OtherChain(Owner.NFT, Chain(ChainKey(version, table, name)))


def _by_iptables(base: Base) -> bool:
    """Whether iptables-nft shows the chain: it is one that it makes itself."""
    named = base.table in BUILT_IN_BY_TABLE and base.name in BUILT_IN and len(versions_of(base.family)) == 1
    return named and base.hook == base.name.lower()


def _check_own(own: Tables, bases: Iterable[Base], limit: int) -> None:
    """Raise ObserveError if nft wrote into the tables that podnet writes, wherever in them packets come by.

    What is too long to be read is left out.
    """
    for version, table in product(FAMILIES, _OWN_TABLES):
        name = native_set(table, version)
        if name is not None:
            raise ObserveError(
                f"table {table_label(version, table)} can't be read safely: it holds nft's own set {printable(name)}"
            )
    for base in bases:
        if _by_iptables(base) and base.table in _OWN_TABLES:
            (version,) = versions_of(base.family)
            key = ChainKey(version, base.table, base.name)
            if own.cost(key) <= limit:
                own.read(key)


def _nft(bases: Iterable[Base], chains: expression.Chains, limit: int) -> Iterator[OtherChain]:
    """Read what iptables-nft shows; as rules of nft's own where that program can't, or is not here."""
    of_version: dict[int, list[Base]] = {}
    for base in bases:
        (version,) = versions_of(base.family)
        of_version.setdefault(version, []).append(base)
    for version, shown in of_version.items():
        program = programs.find(program_of(Owner.NFT, version))
        listed = None if program is None else tables(Iptables(FirewallBackend.NFT, program, version), chains, limit)
        for base in shown:
            yield from _shown(base, version, listed, limit)


def _shown(base: Base, version: int, listed: Tables | None, limit: int) -> list[OtherChain]:
    try:
        if listed is not None and native_set(base.table, version) is None:
            return [*_by_program(listed, ChainKey(version, base.table, base.name), base, limit)]
    except ObserveError:  # the program can't say it
        pass
    return [*_native([base])]


def _by_program(shown: Tables, key: ChainKey, base: Base, limit: int) -> Iterator[OtherChain]:
    for chain in reached(shown, Reach(walks=frozenset({key}), limit=limit)):
        hook = base.hook if chain.key == key else None
        length = chain.unread or len(chain.rules)
        yield OtherChain(Owner.NFT, chain, hook, base.type == "nat", length, priority=base.priority if hook else None)


def _native(bases: Iterable[Base]) -> Iterator[OtherChain]:
    """Read chains of nft's own with those that they lead to."""
    tables: dict[tuple[str, str], list[Base]] = {}
    for base in bases:
        if base.rules:
            tables.setdefault((base.family, base.table), []).append(base)
        else:
            yield from (_entered(base, version, 0) for version in versions_of(base.family))
    devices = dict(socket.if_nameindex()) if tables else {}
    for (family, name), entered in tables.items():
        table = _NativeTable(family, name, devices)
        for version in versions_of(family):
            yield from table.chains(version, entered)


class _NativeTable:
    """A table of nft's own, whose rules and sets are read once for the packets of each IP version."""

    def __init__(self, family: str, name: str, devices: Mapping[int, str]) -> None:
        self._label = f"{family} {name}"
        self._sets = Sets(family, name)
        self._rules = cache(partial(expression.rules, family, name))
        self._devices = devices

    def chains(self, version: int, bases: Sequence[Base]) -> Iterator[OtherChain]:
        """Read the chains that packets of a version enter, and the nearest of those that they lead to.

        kube-proxy has several for each service: a chain that was not read may do anything.
        """
        entered = {base.name: base for base in bases}
        waiting, seen = deque(entered), {*entered}
        while waiting:
            name = waiting.popleft()
            translations = [translated(rule, self._sets, self._devices, version) for rule in self._rules(name)]
            rules = tuple(rule for translation in translations for rule in translation.rules)
            places = tuple(number for number, translation in enumerate(translations, 1) for _ in translation.rules)
            positions = places if len(places) > len(translations) else ()
            if name in entered:
                yield _entered(entered[name], version, len(translations), rules, positions)
            else:
                key = ChainKey(version, self._label, chain_word(name))
                yield OtherChain(Owner.NFTABLES, Chain(key, rules), length=len(translations), positions=positions)
            below = sorted({chain for translation in translations for chain in translation.leads_to} - seen)
            near = below[: len(entered) + FOLLOWED - len(seen)]
            seen.update(near)
            waiting += near


def _entered(
    base: Base, version: int, length: int, rules: tuple[Rule, ...] = (), positions: tuple[int, ...] = ()
) -> OtherChain:
    key = ChainKey(version, f"{base.family} {base.table}", chain_word(base.name))
    chain = Chain(key, rules, base.policy.upper())
    return OtherChain(Owner.NFTABLES, chain, base.hook, base.type == "nat", length, positions, base.priority)
