"""Rules as conditions that split flows: the only reader of what rules ask.

For a single packet a doubtful part means that it is unknown: it depends on what is not known of the packet or the node.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from netplan.netfilter.iptables.operands import BITS, AddressMask, Condition, interface_matches
from netplan.netfilter.iptables.rule import Rule
from netplan.trace.fib import Fib
from netplan.trace.firewall.matches import match_tests
from netplan.trace.firewall.sets import Sets
from netplan.trace.flow import DESTINATION, NO_DEVICE, SERVICE, SOURCE, Field, Flow, Holds, services
from netplan.trace.intervals import Intervals, pairs_of, single, union
from netplan.trace.split import Split, Test, cut, parted, split_by

_MANY_BITS: Final = 10
"""More holes in a mask than are told apart."""

_LONG: Final = 32
"""From so many rules on those are kept by their destination that name one."""


class Rules:
    """The rules of a chain as tests, compiled once they are met; those of one destination are found by that."""

    def __init__(self, rules: Sequence[Rule], fib: Fib | None, sets: Sets | None) -> None:
        self._rules, self._fib, self._sets = rules, fib, sets
        self._tests: list[tuple[Test, ...] | None] = [None] * len(rules)
        self._others: list[int] = []
        self._by_destination: dict[int, list[int]] = {}
        for number, rule in enumerate(rules if len(rules) >= _LONG else ()):
            destination = destination_of(rule)
            if destination is None:
                self._others.append(number)
            else:
                self._by_destination.setdefault(destination, []).append(number)
        self._destinations = sorted(self._by_destination)

    def tests(self, number: int) -> tuple[Test, ...]:
        """Return what a rule asks."""
        tests = self._tests[number]
        if tests is None:
            tests = self._tests[number] = compile_rule(self._rules[number], self._fib, self._sets)
        return tests

    def met_by(self, flow: Flow) -> Iterable[int]:
        """Return the numbers of the rules that packets may meet: what goes on in a chain is not redirected."""
        if not self._destinations:
            return range(len(self._rules))
        met = list(self._others)
        for first, last in pairs_of(flow.destinations):
            start = bisect_left(self._destinations, first)
            for destination in self._destinations[start : bisect_right(self._destinations, last, start)]:
                met += self._by_destination[destination]
        return sorted(met)


def holds(rule: Rule, flow: Flow, fib: Fib | None = None, sets: Sets | None = None) -> Holds:
    """Whether all conditions of a rule hold; without a FIB no address is known to be local, without sets no member."""
    split = split_by(compile_rule(rule, fib, sets), flow)
    if not split.inside and not split.doubtful:
        return Holds.NEVER
    return Holds.SOMETIMES if split.doubtful or split.outside else Holds.ALWAYS


def compile_rule(rule: Rule, fib: Fib | None = None, sets: Sets | None = None) -> tuple[Test, ...]:
    """Compile what a rule asks, for any flow of its IP version."""
    return tuple(_tests(rule, fib, sets))


def _tests(rule: Rule, fib: Fib | None, sets: Sets | None) -> Iterator[Test]:
    if rule.destination is not None:
        yield _addresses(rule.destination, DESTINATION)
    if rule.source is not None:
        yield _addresses(rule.source, SOURCE)
    if rule.protocol is not None:
        yield within(SERVICE, services([rule.protocol.value]), negated=rule.protocol.negated)
    if rule.in_interface is not None:
        yield _came_by(rule.in_interface)
    if rule.out_interface is not None:
        yield _leaves_by(rule.out_interface)
    if rule.fragment is not None:
        yield _fragment(negated=rule.fragment)
    for match in rule.matches:
        yield from match_tests(match, rule.protocol, fib, sets)


def within(field: Field, wanted: Intervals, *, negated: bool = False) -> Test:
    """Return the condition that a part of the header is one of some values."""
    return lambda flow: cut(flow, field, wanted).unless(negated)


def destination_of(rule: Rule) -> int | None:
    """Return the one address that packets must go to for which a rule holds, None if there are more."""
    condition = rule.destination
    alone = (
        condition is not None
        and not condition.negated
        and condition.value.mask == (1 << BITS[condition.value.version]) - 1
    )
    return condition.value.value if condition is not None and alone else None


def _addresses(condition: Condition[AddressMask], field: Field) -> Test:
    named, negated = condition
    addresses = _masked(named)

    def test(flow: Flow) -> Split:
        if addresses is not None:
            return cut(flow, field, addresses).unless(negated)
        value = single(flow.sources if field is SOURCE else flow.destinations)
        return parted(flow, Holds.when(None if value is None else value & named.mask == named.value)).unless(negated)

    return test


def _masked(named: AddressMask) -> Intervals | None:
    """Return the addresses under a mask; None if they are too many intervals, since it has holes."""
    free = ~named.mask & (1 << BITS[named.version]) - 1
    low = (free + 1 & ~free).bit_length() - 1
    holes = [bit for bit in range(low, free.bit_length()) if free >> bit & 1]
    if len(holes) > _MANY_BITS:
        return None
    values = [named.value]
    for bit in holes:
        values += [value | 1 << bit for value in values]
    return union((value, value + (1 << low) - 1) for value in values)


def _came_by(condition: Condition[str]) -> Test:
    return lambda flow: parted(flow, _device(condition, flow.iif))


def _leaves_by(condition: Condition[str]) -> Test:
    return lambda flow: parted(flow, _other(condition, flow) if flow.other_oif else _device(condition, flow.oif))


def _device(condition: Condition[str], name: str | None) -> Holds:
    named = Holds.when(None if name is None else name != NO_DEVICE and interface_matches(condition.value, name))
    return named.unless(condition.negated)


def _other(condition: Condition[str], flow: Flow) -> Holds:
    """Whether packets leave by a device, of which only one is known that they do not leave by."""
    return (Holds.NEVER if condition.value == flow.oif else Holds.SOMETIMES).unless(condition.negated)


def _fragment(*, negated: bool) -> Test:
    """Ask for fragments, or for whole packets: conntrack puts fragments together before any rule."""
    return lambda flow: parted(flow, Holds.when(None if flow.state is None else True).unless(negated))
