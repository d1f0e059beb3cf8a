"""Rules of nftables in the terms of iptables, as far as these can say it.

`-m nft` stands for conditions that they can't say: they hold for some packets. `-j nft-unknown` stands for what may do
anything to a packet. A rule that looks packets up becomes as many rules as the set has elements, or the map: each of
them is what the rule is for the packets of one element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.nftables.condition import Conditions
from netplan.netfilter.nftables.elements import MANY
from netplan.netfilter.nftables.expression import Expression
from netplan.netfilter.nftables.family import FAMILIES, Family
from netplan.netfilter.nftables.load import loaded
from netplan.netfilter.nftables.lookup import LookUp, looked_up
from netplan.netfilter.nftables.marks import mark_set, mark_set_by_target
from netplan.netfilter.nftables.path import Way
from netplan.netfilter.nftables.terminal import UNKNOWN_TARGET, address_translated, immediate, redirect, reject
from netplan.system.netlink.wire import attributes, text

_EQUAL, _UNEQUAL, _LESS, _AT_MOST, _MORE, _AT_LEAST = range(6)
_ORDERED: Final = frozenset({"network", "transport", "l4proto"})
_MARK: Final = 3
_SILENT: Final = frozenset({"counter", "log", "last", "flow_offload", "dup"})
_LOADS: Final = frozenset({"payload", "meta", "ct", "fib"})
_OTHER_LOADS: Final = {
    "exthdr": 1, "hash": 2, "numgen": 1, "osf": 1, "rt": 1, "socket": 2, "tunnel": 2, "xfrm": 1, "byteorder": 2,
}  # fmt: skip
"""What loads something that iptables has no word for, with the operand that names the register."""
_SILENT_OBJECTS: Final = frozenset({1, 3, 7, 8, 9})
_EXTENSIONS: Final = {
    "MASQUERADE": "-j MASQUERADE",
    "SNAT": "-j SNAT --to-nft",
    "DNAT": "-j DNAT --to-nft",
    "REDIRECT": "-j REDIRECT --to-nft",
    "REJECT": "-j REJECT",
}
_SILENT_EXTENSIONS: Final = frozenset({"LOG", "NFLOG"})
_LAST: Final = {
    "masq": "-j MASQUERADE",
    "queue": "-j NFQUEUE",
    **dict.fromkeys(("fwd", "synproxy", "tproxy"), UNKNOWN_TARGET),
}
_NEVER: Final = "-m nft --never"


class Translation(NamedTuple):
    """What a rule is in iptables' words, and the names of the chains that it may lead to."""

    rules: tuple[Rule, ...]
    leads_to: frozenset[str]


def translated(
    rule: Sequence[Expression], look_up: LookUp, devices: Mapping[int, str], version: int = 4
) -> Translation:
    """Return a rule of nftables as rules of iptables, or of ip6tables, at least one.

    One that no packet of the IP version meets does nothing. `devices` are the names of the interfaces by their indexes.
    """
    ways = [Way(Conditions(devices, FAMILIES[version]))]
    for expression in rule:
        ways = [after for way in ways for after in _read(way, expression, look_up, MANY // len(ways))]
    said = [each for way in ways for each in way.texts()]
    leads_to = frozenset(way.chain for way in ways if way.chain and not way.conditions.impossible)
    return Translation(tuple(Rule.parse(text, version=version) for text in said or [_NEVER]), leads_to)


def _read(way: Way, each: Expression, look_up: LookUp, most: int) -> list[Way]:
    """Read one instruction; a look-up gives a way for each element, unless there are more than `most`."""
    if way.ended or each.name in _SILENT:
        return [way]
    if each.name == "lookup":
        return looked_up(way, each, look_up, most)
    if each.name in _OTHER_LOADS:
        return [way.holding(each.number(_OTHER_LOADS[each.name]), None)]
    if each.name in _LAST:
        return [way.ending(_LAST[each.name])]
    return [_READERS.get(each.name, _unknown)(way, each)]


def _unknown(way: Way, _each: Expression) -> Way:
    """Read what may stop some packets, and may load anything into a register."""
    return replace(way.vague(), held={})


def _load(way: Way, each: Expression) -> Way:
    """Read what loads something into a register, or sets a mark."""
    if 1 in each.operands:
        return way.holding(each.number(1), loaded(each))
    if each.name == "payload":
        return way.ending(UNKNOWN_TARGET) if _rewrites(each, way.conditions.family) else way
    return mark_set(way, each) if each.number(2) == _MARK else way


def _rewrites(each: Expression, family: Family) -> bool:
    """Whether an instruction writes into a packet what decides on its way: an address, a port."""
    base, offset, length = (each.number(operand) for operand in (2, 3, 4))
    addresses = family.addresses
    return base not in (0, 1) or (base == 1 and offset < addresses.stop and offset + length > addresses.start)


def _mask(way: Way, each: Expression) -> Way:
    """Put a mask on what a register has, and turn bits round; what else is done with bits nobody here understands."""
    before, mask, flip = way.load(each.number(1)), each.value(4), each.value(5)
    if before is None or before.mask or before.flip or each.number(6, 0) != 0 or len(mask) != before.length:
        return way.holding(each.number(2), None)
    plain = not mask.strip(b"\xff")
    return way.holding(each.number(2), before._replace(mask=b"" if plain else mask, flip=flip if any(flip) else b""))


def _compare(way: Way, each: Expression) -> Way:
    """Read a comparison; one by order as a range that the value lies in, or outside of."""
    load, operator, value = way.load(each.number(1)), each.number(2), each.value(3)
    least, greatest = b"\0" * len(value), b"\xff" * len(value)
    first, last, negated = {
        _EQUAL: (value, value, False),
        _UNEQUAL: (value, value, True),
        _LESS: (value, greatest, True),
        _AT_MOST: (least, value, False),
        _MORE: (least, value, True),
        _AT_LEAST: (value, greatest, False),
    }[operator]
    ordered = operator not in (_EQUAL, _UNEQUAL)
    if ordered and (load is None or load.what not in _ORDERED):
        return way.vague()
    return replace(way, conditions=way.conditions.tested(load, first, last, negated=negated))


def _between(way: Way, each: Expression) -> Way:
    first, last = (attributes(each.operands.get(operand, b"")).get(1, b"") for operand in (3, 4))
    conditions = way.conditions.tested(way.load(each.number(1)), first, last, negated=each.number(2) == _UNEQUAL)
    return replace(way, conditions=conditions)


def _match(way: Way, each: Expression) -> Way:
    """Read a match of iptables by its name alone."""
    return way if text(each.operands[1]) == "comment" else way.vague()


def _extension(way: Way, each: Expression) -> Way:
    """Read a target of iptables by its name, and of those that mark what they do."""
    name, said = text(each.operands[1]), each.operands.get(3, b"")
    if name in ("MARK", "CONNMARK"):
        return mark_set_by_target(way, name, said)
    return way if name in _SILENT_EXTENSIONS else way.ending(_EXTENSIONS.get(name, UNKNOWN_TARGET))


def _object(way: Way, each: Expression) -> Way:
    """Read the use of an object: a quota or a limit holds for some packets."""
    return way if each.number(1) in _SILENT_OBJECTS else way.vague()


def _untracked(way: Way, _each: Expression) -> Way:
    return way.acting("-j NOTRACK")


_READERS: Final[dict[str, Callable[[Way, Expression], Way]]] = {
    **dict.fromkeys(_LOADS, _load),
    "bitwise": _mask,
    "cmp": _compare,
    "immediate": immediate,
    "match": _match,
    "nat": address_translated,
    "notrack": _untracked,
    "objref": _object,
    "range": _between,
    "redir": redirect,
    "reject": reject,
    "target": _extension,
}
