"""Classes of packets, and whether a rule's conditions hold for all of a class, for some of it, or for none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from netplan.kinds.chain.match import Match
from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.values import AddressMask, Condition, Masked, interface_matches
from netplan.net import Prefix

ANYWHERE: Final = Prefix(4, 0, 0)


class Holds(IntEnum):
    """For how many packets of a class a condition holds; the least of several is that of all of them together."""

    NEVER = 0
    SOMETIMES = 1
    ALWAYS = 2

    def unless(self, negated: bool) -> Holds:  # noqa: FBT001 - reads as the rule does
        """Give the answer for the negated condition."""
        return Holds(2 - self) if negated else self


@dataclass(frozen=True, slots=True)
class Flow:
    """A class of packets: from `source` without `but_not`, to one of `destinations`.

    `oif` is the device they leave by, or, with `other_oif`, the one they do not leave by; None is not known. They carry
    none of the marks in `unmarked`, each a value under a mask.
    """

    source: Prefix
    destinations: tuple[Prefix, ...]
    but_not: Prefix | None = None
    oif: str | None = None
    other_oif: bool = False
    unmarked: tuple[Masked, ...] = ()

    def remarked(self) -> Flow:
        """Give the same packets after a rule may have set their mark."""
        return replace(self, unmarked=())


def holds(rule: Rule, flow: Flow) -> Holds:
    """Whether all conditions of a rule hold; SOMETIMES for what only the packet itself can tell."""
    found = Holds.ALWAYS
    if rule.source is not None:
        found = min(found, _source(rule.source, flow))
    if rule.destination is not None:
        found = min(found, _destination(rule.destination, flow))
    if rule.out_interface is not None:
        found = min(found, _out_interface(rule.out_interface, flow))
    if rule.in_interface is not None or rule.protocol is not None or rule.fragment is not None:
        found = min(found, Holds.SOMETIMES)
    return min([found, *(_match(match, flow) for match in rule.matches)])


def _source(condition: Condition[AddressMask], flow: Flow) -> Holds:
    found = _within(flow.source, condition.value)
    prefix = condition.value.prefix
    if flow.but_not is not None and prefix is not None and flow.but_not.covers(prefix):
        found = Holds.NEVER
    return found.unless(condition.negated)


def _destination(condition: Condition[AddressMask], flow: Flow) -> Holds:
    each = {_within(prefix, condition.value) for prefix in flow.destinations}
    found = each.pop() if len(each) == 1 else Holds.SOMETIMES
    return found.unless(condition.negated)


def _within(packets: Prefix, named: AddressMask) -> Holds:
    """Whether the addresses of a prefix are among those that a rule names."""
    prefix = named.prefix
    if prefix is None:
        return Holds.SOMETIMES
    if prefix.covers(packets):
        return Holds.ALWAYS
    return Holds.SOMETIMES if prefix.overlaps(packets) else Holds.NEVER


def _out_interface(condition: Condition[str], flow: Flow) -> Holds:
    if flow.oif is None:
        return Holds.SOMETIMES
    named = interface_matches(condition.value, flow.oif)
    if not flow.other_oif:
        found = Holds.ALWAYS if named else Holds.NEVER
    else:
        found = Holds.NEVER if condition.value == flow.oif else Holds.SOMETIMES
    return found.unless(condition.negated)


def _match(match: Match, flow: Flow) -> Holds:
    if match.name == "comment":
        return Holds.ALWAYS
    option = match.get("mark") if match.name == "mark" else None
    return Holds.SOMETIMES if option is None else _mark(option.masked, flow).unless(option.negated)


def _mark(named: Masked, flow: Flow) -> Holds:
    """Whether packets carry a mark: never if the mark is, or contains, one that they are known not to carry."""
    for absent in flow.unmarked:
        if named.mask & absent.mask == absent.mask and named.value & absent.mask == absent.value:
            return Holds.NEVER
    return Holds.SOMETIMES
