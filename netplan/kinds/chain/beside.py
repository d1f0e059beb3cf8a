"""Everything that filters packets beside this node's iptables: the other backend, and rules that nft made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from netplan import programs
from netplan.errors import ObserveError
from netplan.kinds.chain import legacy
from netplan.kinds.chain.iptables import Iptables
from netplan.kinds.chain.other import OtherChain, Owner
from netplan.kinds.chain.reached import Reach, Tables, reached
from netplan.kinds.chain.tables import tables
from netplan.kinds.chain.value import Backend, Chain, ChainKey
from netplan.kinds.native import expression
from netplan.kinds.native.expression import Base
from netplan.kinds.native.misread import native_set
from netplan.kinds.native.translate import chain_word, jumps, translated
from netplan.net import printable
from netplan.nfnetlink import Message

_TABLES: Final = ("raw", "mangle", "nat", "filter", "security")
_OWN_TABLES: Final = ("nat", "filter")
_BUILT_IN: Final = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})


def observe(backend: Backend, own: Tables, chains: Sequence[Message], limit: int) -> Iterator[OtherChain]:
    """Read the chains beside those of an iptables that hold rules, or that drop packets by their policy.

    `own` are that iptables' tables, `chains` is nftables' dump; of another table not more than `limit` rules are read.
    ObserveError if some can't be read, or if nft wrote into the tables of this iptables.
    """
    bases = [base for base in expression.bases(chains) if base.rules or base.policy == "drop"]
    native = [base for base in bases if not _by_iptables(base)]
    if backend is Backend.NFT:
        _check_own(own, bases, limit)
        found = [*legacy.observe(limit)]
    else:
        found = [*_nft([base for base in bases if _by_iptables(base)], chains, limit)]
    for base in native:
        found += _native(base)
    yield from {chain.key: chain for chain in found}.values()


def _by_iptables(base: Base) -> bool:
    """Whether iptables-nft shows the chain: it is one that it makes itself."""
    named = base.family == "ip" and base.table in _TABLES and base.name in _BUILT_IN
    return named and base.hook == base.name.lower()


def _check_own(own: Tables, bases: Iterable[Base], limit: int) -> None:
    """Raise ObserveError if nft wrote into the tables that podnet writes, wherever in them packets come by.

    What is too long to be read is left out.
    """
    for table in _OWN_TABLES:
        name = native_set(table)
        if name is not None:
            raise ObserveError(f"table {table} can't be read safely: it holds nft's own set {printable(name)}")
    for base in bases:
        if _by_iptables(base) and base.table in _OWN_TABLES:
            key = ChainKey(4, base.table, base.name)
            if own.cost(key) <= limit:
                own.read(key)


def _nft(bases: Sequence[Base], chains: Sequence[Message], limit: int) -> Iterator[OtherChain]:
    """Read what iptables-nft shows; as rules of nft's own where that program can't, or is not here."""
    program = programs.find("iptables-nft") if bases else None
    shown = None if program is None else tables(Iptables(Backend.NFT, program), chains, limit)
    for base in bases:
        try:
            if shown is None or native_set(base.table) is not None:
                yield from _native(base)
            else:
                yield from [*_by_program(shown, base, limit)]
        except ObserveError:
            yield from _native(base)


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


def _native(base: Base) -> Iterator[OtherChain]:
    """Read a chain of nft's own with those that it leads to; where no pod traffic passes, only its length."""
    table, nat = f"{base.family} {base.table}", base.type == "nat"
    empty = Chain(ChainKey(4, table, chain_word(base.name)), (), base.policy.upper())
    entered = OtherChain(Owner.NATIVE, empty, base.hook, nat, base.rules)
    if not entered.on_the_way:
        yield entered
        return
    waiting, seen = [base.name], {base.name}
    while waiting:
        name = waiting.pop()
        rules = expression.rules(base.family, base.table, name)
        below = {chain for rule in rules for chain in jumps(rule)} - seen
        seen |= below
        waiting += sorted(below)
        entry = name == base.name
        key = ChainKey(4, table, chain_word(name))
        chain = Chain(key, tuple(map(translated, rules)), empty.policy if entry else None)
        yield OtherChain(Owner.NATIVE, chain, base.hook if entry else None, nat, len(rules))
