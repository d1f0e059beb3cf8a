"""What a rule of nftables is for the packets of each element of the set, or the map, that it looks them up in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from msgspec.structs import replace

from netplan.netfilter.nftables.elements import Element
from netplan.netfilter.nftables.expression import Expression
from netplan.netfilter.nftables.load import Load
from netplan.netfilter.nftables.path import SLOT, Way, slot
from netplan.netfilter.nftables.terminal import UNKNOWN_TARGET, decided
from netplan.system.netlink.wire import text

LookUp = Callable[[str], Sequence[Element] | None]
"""Gives what a set holds by its name, None if nobody can say."""


def looked_up(way: Way, each: Expression, look_up: LookUp, most: int) -> list[Way]:
    """Go on for each element of a set; as one way that holds for some packets if that can't be said."""
    elements, register = look_up(text(each.operands[1])), each.number(2)
    if elements is None or len(elements) > most:
        return [_found_something(way, each)]
    if each.number(5, 0) & 1:  # what no element has
        return [reduce(lambda found, element: _keyed(found, register, element, negated=True), elements, way)]
    alone = len(elements) == 1
    ways = [_found(_keyed(way, register, element, alone=alone), each, element) for element in elements]
    return ways or [replace(way, conditions=replace(way.conditions, never=True), ended=True)]


def _found_something(way: Way, each: Expression) -> Way:
    """Go on with what nobody knows that a look-up finds."""
    if 3 not in each.operands:
        return way.vague()
    return way.vague().ending(UNKNOWN_TARGET) if each.number(3) == 0 else way.vague().holding(each.number(3), None)


def _found(way: Way, each: Expression, element: Element) -> Way:
    if 3 not in each.operands:
        return way
    return decided(way, element.verdict) if each.number(3) == 0 else way.holding(each.number(3), element.data)


def _keyed(way: Way, register: int, element: Element, *, negated: bool = False, alone: bool = False) -> Way:
    """Add that a packet is one of an element; of a key that changes, or that nobody knows, that it may be one."""
    if not element.first:
        return way if alone else way.vague()
    conditions, at, fields = way.conditions, 0, 0
    while at < len(element.first):
        load = way.held.get(slot(register) + at // SLOT)
        if not isinstance(load, Load) or load.what in ("mark", "ct mark"):
            return way.vague()
        part = slice(at, at + load.length)
        conditions = conditions.tested(load, element.first[part], element.last[part], negated=negated)
        at += -(-load.length // SLOT) * SLOT
        fields += 1
    return replace(way, conditions=conditions) if fields == 1 or not negated else way.vague()
