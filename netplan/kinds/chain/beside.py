"""Everything that filters packets beside this node's iptables: the other backend, and rules that nft made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from netplan import programs
from netplan.errors import ObserveError
from netplan.kinds.chain import legacy
from netplan.kinds.chain.driver import observe as observe_chains
from netplan.kinds.chain.iptables import Iptables
from netplan.kinds.chain.other import OtherChain, Owner
from netplan.kinds.chain.value import Backend, Chain, ChainKey
from netplan.kinds.native import expression
from netplan.kinds.native.expression import Base
from netplan.kinds.native.misread import native_set
from netplan.kinds.native.translate import chain_word, jumps, translated
from netplan.net import printable

_TABLES: Final = ("raw", "mangle", "nat", "filter", "security")
_OWN_TABLES: Final = ("nat", "filter")
_BUILT_IN: Final = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})


def observe(iptables: Iptables) -> Iterator[OtherChain]:
    """Read the chains beside those of an iptables that hold rules, or that drop packets by their policy.

    ObserveError if some can't be read, or if nft wrote into the tables of this iptables.
    """
    bases = [base for base in expression.bases() if base.rules or base.policy == "drop"]
    native = [base for base in bases if not _by_iptables(base)]
    if iptables.backend is Backend.NFT:
        _check_own(iptables, bases)
        found = [*legacy.observe()]
    else:
        found = [*_nft(base for base in bases if _by_iptables(base))]
    for base in native:
        found += _native(base)
    yield from {chain.key: chain for chain in found}.values()


def _by_iptables(base: Base) -> bool:
    """Whether iptables-nft shows the chain: it is one that it makes itself."""
    named = base.family == "ip" and base.table in _TABLES and base.name in _BUILT_IN
    return named and base.hook == base.name.lower()


def _check_own(iptables: Iptables, bases: Iterable[Base]) -> None:
    """Raise ObserveError if nft wrote into the tables that podnet writes, wherever in them packets come by."""
    for table in _OWN_TABLES:
        name = native_set(table)
        if name is not None:
            raise ObserveError(f"table {table} can't be read safely: it holds nft's own set {printable(name)}")
    for base in bases:
        if _by_iptables(base) and base.table in _OWN_TABLES:
            iptables.read(ChainKey(4, base.table, base.name))


def _nft(bases: Iterable[Base]) -> Iterator[OtherChain]:
    """Read what iptables-nft shows; as rules of nft's own where that program can't, or is not here."""
    program = programs.find("iptables-nft")
    for base in bases:
        try:
            if program is None or native_set(base.table) is not None:
                yield from _native(base)
            else:
                yield from [*_by_program(Iptables(Backend.NFT, program), base)]
        except ObserveError:
            yield from _native(base)


def _by_program(iptables: Iptables, base: Base) -> Iterator[OtherChain]:
    key = ChainKey(4, base.table, base.name)
    nat = base.type == "nat"
    entered = OtherChain(Owner.NFT, Chain(key, (), base.policy.upper()), base.hook, nat, base.rules)
    if not entered.on_the_way:
        yield entered
        return
    for chain in observe_chains(iptables, (), {key}):
        hook = base.hook if chain.key == key else None
        yield OtherChain(Owner.NFT, chain, hook, nat, len(chain.rules))


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
