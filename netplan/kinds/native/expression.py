"""nftables' tables, base chains and rules as the kernel keeps them (linux/netfilter/nf_tables.h)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from netplan import nfnetlink
from netplan.nfnetlink import NFTABLES, Attributes, Message, attribute, attributes, elements, number, text

IPV4: Final = 2
_FAMILIES: Final = {1: "inet", 2: "ip", 5: "netdev", 7: "bridge"}
_HOOKS: Final = ("prerouting", "input", "forward", "output", "postrouting", "ingress")
_NETDEV_HOOKS: Final = ("ingress", "egress")
_GET_TABLE, _GET_CHAIN, _GET_RULE, _GET_SET = 1, 4, 7, 10
_DORMANT: Final = 1


class Base(NamedTuple):
    """A chain that packets enter by themselves, and how many rules it has; `family` as nft(8) writes it."""

    family: str
    table: str
    name: str
    type: str
    hook: str
    priority: int
    policy: str
    rules: int


class Expression(NamedTuple):
    """One instruction of a rule: its name, and its operands by their numbers."""

    name: str
    operands: Attributes

    def number(self, operand: int, default: int = -1) -> int:
        """Give an operand that is a number."""
        return number(self.operands[operand]) if operand in self.operands else default

    def value(self, operand: int) -> bytes:
        """Give an operand that is data to compare with or to mask with."""
        return attributes(self.operands.get(operand, b"")).get(1, b"")


def chains() -> list[Message]:
    """Read every chain of the families that IPv4 packets come through, iptables-nft's too; none of those that sleep."""
    asleep = {
        (table.family, table.attributes[1])
        for table in nfnetlink.dump(NFTABLES, _GET_TABLE)
        if number(table.attributes.get(2, b"")) & _DORMANT
    }
    found = nfnetlink.dump(NFTABLES, _GET_CHAIN)
    return [each for each in found if each.family in _FAMILIES and (each.family, each.attributes[1]) not in asleep]


def bases(found: Iterable[Message]) -> Iterator[Base]:
    """Give those of the chains that packets enter by themselves."""
    return (_base(chain) for chain in found if 4 in chain.attributes)


def names(found: Iterable[Message]) -> Iterator[tuple[str, str]]:
    """Give table and name of the chains of IPv4's own family."""
    return ((text(each.attributes[1]), text(each.attributes[3])) for each in found if each.family == IPV4)


def _base(chain: Message) -> Base:
    found = chain.attributes
    hook = attributes(found[4])
    family = _FAMILIES[chain.family]
    return Base(
        family=family,
        table=text(found[1]),
        name=text(found[3]),
        type=text(found.get(7, b"filter")),
        hook=(_NETDEV_HOOKS if family == "netdev" else _HOOKS)[number(hook[1])],
        priority=number(hook[2], signed=True),
        policy="accept" if number(found.get(5, b"\1")) else "drop",
        rules=number(found.get(6, b"")),
    )


def rules(family: str, table: str, chain: str) -> list[tuple[Expression, ...]]:
    """Read the rules of one chain; none if it is not there."""
    wanted = attribute(1, terminated(table)) + attribute(2, terminated(chain))
    found = nfnetlink.dump(NFTABLES, _GET_RULE, number_of(family), wanted)
    return [tuple(_expressions(rule)) for rule in found]


def sets(family: str, table: str) -> list[str]:
    """Give the names of a table's sets and maps, those that rules hold without a name too."""
    found = nfnetlink.dump(NFTABLES, _GET_SET, number_of(family), attribute(1, terminated(table)))
    return [text(each.attributes[2]) for each in found]


def _expressions(rule: Message) -> Iterator[Expression]:
    for element in elements(rule.attributes.get(4, b"")):
        parts = attributes(element)
        yield Expression(text(parts[1]), attributes(parts.get(2, b"")))


def number_of(family: str) -> int:
    """Give the kernel's number of a family."""
    return next(value for value, name in _FAMILIES.items() if name == family)


def terminated(value: str) -> bytes:
    """Write a name as the kernel does, with a NUL byte at its end."""
    return value.encode("utf-8", "surrogateescape") + b"\0"
