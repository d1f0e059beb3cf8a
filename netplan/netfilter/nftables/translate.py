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
from netplan.netfilter.nftables.limit import limited
from netplan.netfilter.nftables.load import loaded
from netplan.netfilter.nftables.lookup import LookUp, looked_up
from netplan.netfilter.nftables.marks import mark_set, mark_set_by_target
from netplan.netfilter.nftables.path import Path
from netplan.netfilter.nftables.terminal import UNKNOWN_TARGET, address_translated, immediate, redirect, reject
from netplan.system.netlink.wire import attributes, elements, text

_EQUAL, _UNEQUAL, _LESS, _AT_MOST, _MORE, _AT_LEAST = range(6)
_ORDERED: Final = frozenset({"network", "transport", "l4proto"})
_MARK: Final = 3
_SILENT: Final = frozenset({"counter", "log", "last", "flow_offload", "dup"})
_LOADS: Final = frozenset({"payload", "meta", "ct", "fib"})
_OTHER_LOADS: Final = {
    "exthdr": 1, "hash": 2, "numgen": 1, "osf": 1, "rt": 1, "tunnel": 2, "xfrm": 1, "byteorder": 2,
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
    paths = [Path(Conditions(devices, FAMILIES[version]))]
    for expression in rule:
        paths = [after for path in paths for after in _read(path, expression, look_up, MANY // len(paths))]
    texts = [rule_text for path in paths for rule_text in path.texts()]
    leads_to = frozenset(path.chain for path in paths if path.chain and not path.conditions.impossible)
    return Translation(tuple(Rule.parse(text, version=version) for text in texts or [_NEVER]), leads_to)


def _read(path: Path, expression: Expression, look_up: LookUp, most: int) -> list[Path]:
    """Read one instruction; a look-up gives a path for each element, unless there are more than `most`."""
    if path.ended or expression.name in _SILENT:
        return [path]
    if expression.name == "lookup":
        return looked_up(path, expression, look_up, most)
    if expression.name == "dynset":
        return _put_into_set(path, expression, look_up, most)
    if expression.name in _OTHER_LOADS:
        return [path.holding(expression.number(_OTHER_LOADS[expression.name]), None)]
    if expression.name in _LAST:
        return [path.ending(_LAST[expression.name])]
    return [_READERS.get(expression.name, _unknown)(path, expression)]


def _put_into_set(path: Path, expression: Expression, look_up: LookUp, most: int) -> list[Path]:
    """Read what puts an element into a set, with the limit that holds for each of its elements."""
    parts = [expression.operands[7]] if 7 in expression.operands else elements(expression.operands.get(10, b""))
    paths = [path.vague() if expression.number(9, 0) else path]
    for part in map(attributes, parts):
        limit = Expression(text(part[1]), attributes(part.get(2, b"")))
        paths = [after for before in paths for after in _read(before, limit, look_up, most)]
    return paths


def _unknown(path: Path, _expression: Expression) -> Path:
    """Read what may stop some packets, and may load anything into a register."""
    return replace(path.vague(), registers={})


def _load(path: Path, expression: Expression) -> Path:
    """Read what loads something into a register, or sets a mark."""
    if 1 in expression.operands:
        return path.holding(expression.number(1), loaded(expression))
    if expression.name == "payload":
        return path.ending(UNKNOWN_TARGET) if _rewrites(expression, path.conditions.family) else path
    return mark_set(path, expression) if expression.number(2) == _MARK else path


def _socket(path: Path, expression: Expression) -> Path:
    return path.holding(expression.number(2), loaded(expression))


def _rewrites(expression: Expression, family: Family) -> bool:
    """Whether an instruction writes into a packet what decides on its way: an address, a port."""
    base, offset, length = (expression.number(operand) for operand in (2, 3, 4))
    addresses = family.addresses
    return base not in (0, 1) or (base == 1 and offset < addresses.stop and offset + length > addresses.start)


def _mask(path: Path, expression: Expression) -> Path:
    """Put a mask on what a register has, and turn bits round; what else is done with bits is not understood."""
    before, mask, flip = path.load(expression.number(1)), expression.value(4), expression.value(5)
    if before is None or before.mask or before.flip or expression.number(6, 0) != 0 or len(mask) != before.length:
        return path.holding(expression.number(2), None)
    plain = not mask.strip(b"\xff")
    return path.holding(
        expression.number(2), before._replace(mask=b"" if plain else mask, flip=flip if any(flip) else b"")
    )


def _compare(path: Path, expression: Expression) -> Path:
    """Read a comparison; one by order as a range that the value lies in, or outside of."""
    load, operator, value = path.load(expression.number(1)), expression.number(2), expression.value(3)
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
        return path.vague()
    return replace(path, conditions=path.conditions.tested(load, first, last, negated=negated))


def _between(path: Path, expression: Expression) -> Path:
    first, last = (attributes(expression.operands.get(operand, b"")).get(1, b"") for operand in (3, 4))
    conditions = path.conditions.tested(
        path.load(expression.number(1)), first, last, negated=expression.number(2) == _UNEQUAL
    )
    return replace(path, conditions=conditions)


def _match(path: Path, expression: Expression) -> Path:
    """Read a match of iptables by its name alone."""
    return path if text(expression.operands[1]) == "comment" else path.vague()


def _extension(path: Path, expression: Expression) -> Path:
    """Read a target of iptables by its name, and of those that mark what they do."""
    name, info = text(expression.operands[1]), expression.operands.get(3, b"")
    if name in ("MARK", "CONNMARK"):
        return mark_set_by_target(path, name, info)
    return path if name in _SILENT_EXTENSIONS else path.ending(_EXTENSIONS.get(name, UNKNOWN_TARGET))


def _object(path: Path, expression: Expression) -> Path:
    """Read the use of an object: a quota or a limit holds for some packets."""
    return path if expression.number(1) in _SILENT_OBJECTS else path.vague()


def _untracked(path: Path, _expression: Expression) -> Path:
    return path.acting("-j NOTRACK")


_READERS: Final[dict[str, Callable[[Path, Expression], Path]]] = {
    **dict.fromkeys(("connlimit", "limit", "quota"), limited),
    "socket": _socket,
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
