"""Everything that filters packets beside this node's iptables: the other backend, and rules that nft made."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from netplan import programs
from netplan.errors import ObserveError
from netplan.kinds.chain import legacy
from netplan.kinds.chain.iptables import Iptables
from netplan.kinds.chain.other import OtherChain, Owner, on_the_way
from netplan.kinds.chain.reached import Reach, Tables, reached
from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.tables import tables
from netplan.kinds.chain.value import Backend, Chain, ChainKey, table_label
from netplan.kinds.native import expression
from netplan.kinds.native.elements import Sets
from netplan.kinds.native.expression import Base
from netplan.kinds.native.misread import FAMILIES, native_set
from netplan.kinds.native.terminal import chain_word
from netplan.kinds.native.translate import translated
from netplan.net import printable
from netplan.nfnetlink import Message

FOLLOWED: Final = 256
"""How many chains of a table are read besides those that packets enter."""

_IPV6: Final = FAMILIES[6]
_TABLES: Final = ("raw", "mangle", "nat", "filter", "security")
_OWN_TABLES: Final = ("nat", "filter")
_BUILT_IN: Final = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})


def observe(backend: Backend, own: Tables, chains: Sequence[Message], limit: int) -> Iterator[OtherChain]:
    """Read the chains beside those of an iptables that hold rules, drop packets by their policy, or bear our name.

    `own` are that iptables' tables, `chains` is nftables' dump; of another table not more than `limit` rules are read.
    ObserveError if some can't be read, or if nft wrote into the tables of this iptables.
    """
    found_bases = [base for base in expression.bases(chains) if base.rules or base.policy == "drop"]
    ipv6 = [base for base in found_bases if base.family == _IPV6]
    bases = [base for base in found_bases if base.family != _IPV6]
    native = [base for base in bases if not _by_iptables(base)]
    if backend is Backend.NFT:
        _check_own(own, found_bases, limit)
        found = [*legacy.observe(limit), *legacy.observe_ipv6()]
    else:
        found = [*_ours(chains), *_nft([base for base in bases if _by_iptables(base)], chains, limit)]
        found += [_unread(Owner.NFT, base, base.table) for base in ipv6 if _by_iptables(base)]
    found += _native(native)
    found += [_unread(Owner.NATIVE, base, f"{_IPV6} {base.table}") for base in ipv6 if not _by_iptables(base)]
    yield from {chain.key: chain for chain in found}.values()


def _unread(owner: Owner, base: Base, table: str) -> OtherChain:
    """Give a chain of IPv6 with the number of its rules: what they do is not read."""
    chain = Chain(ChainKey(6, table, chain_word(base.name)), (), base.policy.upper())
    return OtherChain(owner, chain, base.hook, base.type == "nat", max(1, base.rules))


def _ours(there: Iterable[Message]) -> Iterator[OtherChain]:
    """Name the chains that podnet made when this node's iptables used nft."""
    for version, table, name in expression.names(there):
        key = ChainKey(version, table, name)
        if key.owned and table in _TABLES:
            yield OtherChain(Owner.NFT, Chain(key))


def _by_iptables(base: Base) -> bool:
    """Whether iptables-nft shows the chain: it is one that it makes itself."""
    named = base.family in FAMILIES.values() and base.table in _TABLES and base.name in _BUILT_IN
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
            key = ChainKey(6 if base.family == _IPV6 else 4, base.table, base.name)
            if own.cost(key) <= limit:
                own.read(key)


def _nft(bases: Sequence[Base], chains: Sequence[Message], limit: int) -> Iterator[OtherChain]:
    """Read what iptables-nft shows; as rules of nft's own where that program can't, or is not here."""
    program = programs.find("iptables-nft") if bases else None
    shown = None if program is None else tables(Iptables(Backend.NFT, program), chains, limit)
    for base in bases:
        try:
            if shown is None or native_set(base.table) is not None:
                yield from _native([base])
            else:
                yield from [*_by_program(shown, base, limit)]
        except ObserveError:
            yield from _native([base])


def _by_program(shown: Tables, base: Base, limit: int) -> Iterator[OtherChain]:
    key = ChainKey(4, base.table, base.name)
    nat = base.type == "nat"
    entered = OtherChain(Owner.NFT, Chain(key, (), base.policy.upper()), base.hook, nat, base.rules)
    if not entered.on_the_way:
        yield entered
        return
    for chain in reached(shown, Reach(walks=frozenset({key}), limit=limit)):
        hook = base.hook if chain.key == key else None
        yield OtherChain(Owner.NFT, chain, hook, nat, chain.unread or len(chain.rules))


def _native(bases: Iterable[Base]) -> Iterator[OtherChain]:
    """Read chains of nft's own with those that they lead to; where no pod traffic passes, only their length."""
    tables: dict[tuple[str, str], list[Base]] = {}
    for base in bases:
        if on_the_way(base.hook) and base.rules:
            tables.setdefault((base.family, base.table), []).append(base)
        else:
            yield _entered(base, base.rules)
    devices = dict(socket.if_nameindex()) if tables else {}
    for (family, table), entered in tables.items():
        yield from _native_table(family, table, entered, devices)


def _native_table(family: str, table: str, bases: Sequence[Base], devices: Mapping[int, str]) -> Iterator[OtherChain]:
    """Read the chains of a table that packets enter, and the nearest of those that they lead to.

    kube-proxy has several for each service: a chain that was not read may do anything.
    """
    entered = {base.name: base for base in bases}
    sets = Sets(family, table)
    waiting, seen = deque(entered), {*entered}
    while waiting:
        name = waiting.popleft()
        found = [translated(rule, sets, devices) for rule in expression.rules(family, table, name)]
        rules = tuple(rule for each in found for rule in each.rules)
        places = tuple(number for number, each in enumerate(found, 1) for _ in each.rules)
        positions = places if len(places) > len(found) else ()
        if name in entered:
            yield _entered(entered[name], len(found), rules, positions)
        else:
            key = ChainKey(4, f"{family} {table}", chain_word(name))
            yield OtherChain(Owner.NATIVE, Chain(key, rules), length=len(found), positions=positions)
        below = sorted({chain for each in found for chain in each.leads_to} - seen)
        near = below[: len(entered) + FOLLOWED - len(seen)]
        seen.update(near)
        waiting += near


def _entered(base: Base, length: int, rules: tuple[Rule, ...] = (), positions: tuple[int, ...] = ()) -> OtherChain:
    key = ChainKey(4, f"{base.family} {base.table}", chain_word(base.name))
    chain = Chain(key, rules, base.policy.upper())
    return OtherChain(Owner.NATIVE, chain, base.hook, base.type == "nat", length, positions)
