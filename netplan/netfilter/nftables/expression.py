"""nftables' tables, base chains and rules as the kernel keeps them (linux/netfilter/nf_tables.h)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain as concatenation
from typing import Final, TypeAlias

from msgspec import Struct

from netplan.netfilter.nftables.family import FAMILIES
from netplan.system.netlink import netfilter
from netplan.system.netlink.netfilter import NFTABLES, Listing, Message, number
from netplan.system.netlink.wire import Attributes, attribute, attributes, elements, text

_NAMES: Final = {1: "inet", 2: "ip", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS: Final = ("prerouting", "input", "forward", "output", "postrouting", "ingress")
_NETDEV_HOOKS: Final = ("ingress", "egress")
_GET_TABLE, _GET_CHAIN, _GET_RULE, _GET_SET, _GET_GENERATION = 1, 4, 7, 10, 16
_DORMANT: Final = 1
_TABLE, _NAME, _HOOK = 1, 3, 4
"""Attributes of a chain: its table, its name, and where packets enter it."""


Chains: TypeAlias = Mapping[int, Listing]
"""All chains of nftables, by the kernel's number of their family."""


class Base(Struct, frozen=True):
    """A chain that packets enter by themselves, and how many rules it has; `family` as nft(8) writes it."""

    family: str
    table: str
    name: str
    type: str
    hook: str
    priority: int
    policy: str
    rules: int


class Expression(Struct, frozen=True):
    """One instruction of a rule: its name, and its operands by their numbers."""

    name: str
    operands: Attributes

    def number(self, operand: int, default: int = -1) -> int:
        """Return an operand that is a number."""
        return number(self.operands[operand]) if operand in self.operands else default

    def value(self, operand: int) -> bytes:
        """Return an operand that is data to compare with or to mask with."""
        return attributes(self.operands.get(operand, b"")).get(1, b"")


class ChainUse(Struct, frozen=True):
    """A chain of a table of one IP version: `base` is None for one that only rules lead to.

    `uses` counts its rules and the jumps to it (NFTA_CHAIN_USE): of a base chain just its rules, as none leads there.
    """

    uses: int
    base: Base | None


def generation() -> bytes:
    """Return what the kernel changes with every change of nftables' rules; nothing where it knows none."""
    return netfilter.get(NFTABLES, _GET_GENERATION).get(1, b"")


def chains() -> Chains:
    """Read all chains of nftables, of which there may be many thousands."""
    return {family: netfilter.listing(NFTABLES, _GET_CHAIN, family) for family in _NAMES}


def read_chain(version: int, table: str, name: str) -> ChainUse | None:
    """Ask for one chain of a table of an IP version; None if there is none."""
    wanted = attribute(_TABLE, terminated(table)) + attribute(_NAME, terminated(name))
    content = netfilter.get(NFTABLES, _GET_CHAIN, FAMILIES[version].number, wanted)
    return _chain_use(Message(FAMILIES[version].number, content)) if content else None


def uses(chains: Chains, version: int, table: str, limit: int) -> int:
    """Count the rules of a table of an IP version, and the jumps; of one of more than `limit` chains, only those."""
    content = netfilter.get(NFTABLES, _GET_TABLE, FAMILIES[version].number, attribute(1, terminated(table)))
    table_uses = number(content.get(3, b""))
    if not table_uses or table_uses > limit:
        return table_uses
    return sum(_chain_use(chain).uses for chain in chains[FAMILIES[version].number].holding(_TABLE, terminated(table)))


def _chain_use(chain: Message) -> ChainUse:
    return ChainUse(number(chain.attributes[6]), _base(chain) if _HOOK in chain.attributes else None)


def names(chains: Chains, version: int, prefix: str) -> Iterator[tuple[str, str]]:
    """Return table and name of the chains of an IP version's own family whose names start so."""
    for chain in chains[FAMILIES[version].number].holding(_NAME, prefix.encode()):
        yield text(chain.attributes[_TABLE]), text(chain.attributes[_NAME])


def bases(chains: Chains) -> Iterator[Base]:
    """Return every chain that packets enter by themselves, iptables-nft's too; those that sleep are left out."""
    asleep = {
        (table.family, table.attributes[1])
        for table in netfilter.dump(NFTABLES, _GET_TABLE)
        if number(table.attributes.get(2, b"")) & _DORMANT
    }
    for chain in concatenation.from_iterable(listing.holding(_HOOK) for listing in chains.values()):
        if (chain.family, chain.attributes[_TABLE]) not in asleep:
            yield _base(chain)


def _base(chain: Message) -> Base:
    content = chain.attributes
    hook = attributes(content[4])
    family = _NAMES[chain.family]
    return Base(
        family=family,
        table=text(content[1]),
        name=text(content[3]),
        type=text(content.get(7, b"filter")),
        hook=(_NETDEV_HOOKS if family == "netdev" else _HOOKS)[number(hook[1])],
        priority=number(hook[2], signed=True),
        policy="accept" if number(content.get(5, b"\1")) else "drop",
        rules=number(content.get(6, b"")),
    )


def rules(family: str, table: str, chain: str) -> list[tuple[Expression, ...]]:
    """Read the rules of one chain; none if it is not there."""
    return [expressions(rule) for rule in _rules(number_of(family), table, chain)]


def rules_of(version: int, table: str, chain: str) -> list[Message]:
    """Read the rules of one chain of an IP version; `expressions` takes one apart."""
    return _rules(FAMILIES[version].number, table, chain)


def _rules(family: int, table: str, chain: str) -> list[Message]:
    wanted = attribute(1, terminated(table)) + attribute(2, terminated(chain))
    return netfilter.dump(NFTABLES, _GET_RULE, family, wanted)


def rules_by_chain(table: str, version: int) -> dict[str, list[Message]]:
    """Read all rules of a table of an IP version, by the names of its chains; `expressions` takes one apart."""
    rules: defaultdict[str, list[Message]] = defaultdict(list)
    for rule in netfilter.dump(NFTABLES, _GET_RULE, FAMILIES[version].number, attribute(1, terminated(table))):
        rules[text(rule.attributes[2])].append(rule)
    return rules


def sets(family: str, table: str) -> list[str]:
    """Return the names of a table's sets and maps, those that rules hold without a name too."""
    messages = netfilter.dump(NFTABLES, _GET_SET, number_of(family), attribute(1, terminated(table)))
    return [text(message.attributes[2]) for message in messages]


def expressions(rule: Message) -> tuple[Expression, ...]:
    """Return the instructions of a rule."""
    parts = (attributes(element) for element in elements(rule.attributes.get(4, b"")))
    return tuple([Expression(text(part[1]), attributes(part.get(2, b""))) for part in parts])


def number_of(family: str) -> int:
    """Return the kernel's number of a family."""
    return next(value for value, name in _NAMES.items() if name == family)


def terminated(value: str) -> bytes:
    """Write a name as the kernel does, with a NUL byte at its end."""
    return value.encode("utf-8", "surrogateescape") + b"\0"
