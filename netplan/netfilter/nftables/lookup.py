"""What a rule of nftables is for the packets of each element of the set, or the map, that it looks them up in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from msgspec.structs import replace

from netplan.netfilter.nftables.elements import Element
from netplan.netfilter.nftables.expression import Expression
from netplan.netfilter.nftables.load import Load
from netplan.netfilter.nftables.path import SLOT, Path, slot
from netplan.netfilter.nftables.terminal import UNKNOWN_TARGET, decided
from netplan.system.netlink.wire import text

LookUp = Callable[[str], Sequence[Element] | None]
"""Gives what a set holds by its name, None if that is unknown."""


def looked_up(path: Path, expression: Expression, look_up: LookUp, most: int) -> list[Path]:
    """Go on for each element of a set; as one path that holds for some packets if that can't be said."""
    elements, register = look_up(text(expression.operands[1])), expression.number(2)
    if elements is None or len(elements) > most:
        return [_found_something(path, expression)]
    if expression.number(5, 0) & 1:  # what no element has
        return [reduce(lambda narrowed, element: _keyed(narrowed, register, element, negated=True), elements, path)]
    alone = len(elements) == 1
    paths = [_found(_keyed(path, register, element, alone=alone), expression, element) for element in elements]
    return paths or [replace(path, conditions=replace(path.conditions, never=True), ended=True)]


def _found_something(path: Path, expression: Expression) -> Path:
    """Go on with a look-up whose result is unknown."""
    if 3 not in expression.operands:
        return path.vague()
    return (
        path.vague().ending(UNKNOWN_TARGET)
        if expression.number(3) == 0
        else path.vague().holding(expression.number(3), None)
    )


def _found(path: Path, expression: Expression, element: Element) -> Path:
    if 3 not in expression.operands:
        return path
    return (
        decided(path, element.verdict)
        if expression.number(3) == 0
        else path.holding(expression.number(3), element.data)
    )


def _keyed(path: Path, register: int, element: Element, *, negated: bool = False, alone: bool = False) -> Path:
    """Add that a packet is one of an element; of a key that changes, or is unknown, that it may be one."""
    if not element.first:
        return path if alone else path.vague()
    conditions, at, fields = path.conditions, 0, 0
    while at < len(element.first):
        load = path.registers.get(slot(register) + at // SLOT)
        if not isinstance(load, Load) or load.what in ("mark", "ct mark"):
            return path.vague()
        part = slice(at, at + load.length)
        conditions = conditions.tested(load, element.first[part], element.last[part], negated=negated)
        at += -(-load.length // SLOT) * SLOT
        fields += 1
    return replace(path, conditions=conditions) if fields == 1 or not negated else path.vague()
