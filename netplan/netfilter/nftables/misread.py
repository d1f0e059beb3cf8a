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
    for expression in rule:
        if expression.name == "lookup":
            yield "it looks a packet up in a set or a map"
        elif expression.name == "payload" and 5 in expression.operands:
            yield "it writes into the packet"
        elif expression.name in ("payload", "meta"):
            loaded[expression.number(1)] = _field(expression)
            computed.discard(expression.number(1))
        elif expression.name == "bitwise" and expression.number(1) in loaded:
            if expression.number(_OPERATION, 0) or any(expression.value(_FLIPPED)):
                computed.add(expression.number(2))
            loaded[expression.number(2)] = loaded[expression.number(1)]
        elif expression.name == "cmp" and expression.number(1) in computed:
            yield "it compares what it has computed"
        elif expression.name == "cmp" and expression.number(1) in loaded:
            yield from _doubts(loaded[expression.number(1)], expression.number(2), compared)


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
