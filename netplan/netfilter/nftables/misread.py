"""What iptables-nft 1.8.9 prints without a word although it has not understood it all.

Of conditions on one field it prints the last (of the mark: all, whatever their masks), of a comparison by order its
bound as if it were equal, of a computation with a field the mask alone, and nothing of a look-up in a set or a map and
of a write into the packet: `ip saddr @pods accept` is printed as `-j ACCEPT`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from netplan.netfilter.nftables.expression import Expression, sets
from netplan.netfilter.nftables.family import FAMILIES

_EQUAL, _UNEQUAL, _AT_MOST, _AT_LEAST = 0, 1, 3, 5
_TRANSPORT: Final = 2
_MARK: Final = ("meta", 3)
_FLIPPED, _OPERATION = 5, 6
_OPERATORS: Final = {2: "<", 3: "<=", 4: ">", 5: ">="}

Field = tuple[str, int, int]


def misread_among(chain: str, rules: Iterable[Sequence[Expression]]) -> str | None:
    """Say which of a chain's rules iptables would print as another; None if there is none."""
    for position, rule in enumerate(rules, 1):
        why = next(reasons(rule), None)
        if why is not None:
            return f"rule {position} of {chain} is nft's own: {why}"
    return None


def native_set(table: str, version: int = 4) -> str | None:
    """Return name of a set or map in a table of an IP version: iptables has none, so a rule of nft's own uses it."""
    return next(iter(sets(FAMILIES[version].name, table)), None)


def reasons(rule: Sequence[Expression]) -> Iterator[str]:
    """Return what iptables would not print of a rule."""
    loaded: dict[int, Field] = {}
    computed: set[int] = set()
    compared: list[Field] = []
    for each in rule:
        if each.name == "lookup":
            yield "it looks a packet up in a set or a map"
        elif each.name == "payload" and 5 in each.operands:
            yield "it writes into the packet"
        elif each.name in ("payload", "meta"):
            loaded[each.number(1)] = _field(each)
            computed.discard(each.number(1))
        elif each.name == "bitwise" and each.number(1) in loaded:
            if each.number(_OPERATION, 0) or any(each.value(_FLIPPED)):
                computed.add(each.number(2))
            loaded[each.number(2)] = loaded[each.number(1)]
        elif each.name == "cmp" and each.number(1) in computed:
            yield "it compares what it has computed"
        elif each.name == "cmp" and each.number(1) in loaded:
            yield from _doubts(loaded[each.number(1)], each.number(2), compared)


def _field(load: Expression) -> Field:
    return (load.name, load.number(2), load.number(3))


def _doubts(field: Field, operator: int, compared: list[Field]) -> Iterator[str]:
    """Say what is wrong with a comparison; iptables itself writes ranges of ports as two, and marks one by one."""
    ports = field[:2] == ("payload", _TRANSPORT)
    if operator not in (_EQUAL, _UNEQUAL) and not (ports and operator in (_AT_MOST, _AT_LEAST)):
        yield f"it compares by {_OPERATORS.get(operator, operator)}"
    elif operator in (_EQUAL, _UNEQUAL) and field in compared:
        yield "it has two conditions on one field"
    if operator in (_EQUAL, _UNEQUAL) and field[:2] != _MARK:
        compared.append(field)
