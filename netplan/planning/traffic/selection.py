"""Which nodes of a cluster something on one of them singles out: those that a prefix holds, and not all others.

Prefixes lie in each other or apart, so the nodes that the same ones hold are few stretches of them, in order. Nothing
here takes longer than the prefixes and the nodes together, but for the logarithm of either.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.ipset.value import IpSet
from netplan.kinds.policy.value import PolicyRule
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import BITS, Address, Prefix
from netplan.netfilter.iptables.built_in import BUILT_IN
from netplan.netfilter.iptables.operands import AddressMask, AddressRange
from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.iptables.targets import TARGET_EXTENSIONS
from netplan.spec.topology import Node

_RANGES: Final = ("src-range", "dst-range")

Span = tuple[int, int]
"""The first of some nodes in order, and the one after the last."""


class Piece(NamedTuple):
    """Nodes from `start` to before `stop`, and the narrowest span that one prefix holds whole and they are in."""

    start: int
    stop: int
    span: Span


class Places:
    """Disjoint prefixes of one IP version, in order, and the nodes that they belong to.

    Of a prefix with many addresses a single one is about a pod, and not about the node.
    """

    def __init__(self, found: Iterable[tuple[Prefix, Node]]) -> None:
        self._found = sorted(found, key=lambda each: each[0])
        self._starts = [prefix.value for prefix, _ in self._found]

    def node(self, number: int) -> Node:
        """Return the node at a place."""
        return self._found[number][1]

    def number(self, prefix: Prefix) -> int | None:
        """Return the number of the place that is a prefix."""
        at = bisect_left(self._starts, prefix.value)
        return at if at < len(self._found) and self._found[at][0] == prefix else None

    def pieces(self, named: Iterable[AddressMask]) -> list[Piece]:
        """Cut the places, in order, into those that the same of some addresses hold, whole or in part."""
        spans = {span for prefix in self._prefixes(named) if (span := self._span(prefix)) is not None}
        return _pieces({(0, len(self._found)), *spans} if self._found else ())

    def _span(self, prefix: Prefix) -> Span | None:
        low = bisect_left(self._starts, prefix.value)
        high = bisect_left(self._starts, prefix.value + prefix.size, low)
        if low == high:
            if low == 0 or not self._found[low - 1][0].covers(prefix):
                return None
            low -= 1
        around = self._found[low][0]
        return None if prefix.size == 1 and prefix != around else (low, high)

    def _prefixes(self, named: Iterable[AddressMask]) -> Iterator[Prefix]:
        """Give addresses as prefixes; those under a mask with holes as the places that have some of them."""
        holes: dict[int, set[int]] = {}
        for each in set(named):
            prefix = each.prefix
            if prefix is not None:
                yield prefix
            else:
                holes.setdefault(each.mask, set()).add(each.value)
        for mask, values in holes.items():
            lengths = {place.length for place, _ in self._found}
            asked = {length: {_cut(value, length, self._bits) for value in values} for length in lengths}
            for place, _ in self._found:
                if place.value & mask in asked[place.length]:
                    yield place

    @property
    def _bits(self) -> int:
        return BITS[self._found[0][0].version]


def _cut(value: int, length: int, bits: int) -> int:
    return value >> bits - length << bits - length


def _pieces(spans: Collection[Span]) -> list[Piece]:
    """Cut spans, of which any two lie in each other or apart, into what each has for itself."""
    found: list[Piece] = []
    within: list[Span] = []
    at = 0

    def to(place: int) -> int:
        if at < place:
            found.append(Piece(at, place, within[-1]))
        return place

    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        while within and within[-1][1] <= span[0]:
            at = to(within[-1][1])
            within.pop()
        at = to(span[0]) if within else span[0]
        within.append(span)
    while within:
        at = to(within[-1][1])
        within.pop()
    return found


def named_by(state: Snapshot, own: Collection[Address]) -> frozenset[AddressMask]:
    """Return the addresses that others' rules, sets, routes and rules of routing in a node's state name.

    `own` are the node's addresses: what is done about single other ones concerns them alone.
    """
    found = set(_of_rules(_met(state, own)))
    for other in state.all(OtherChain):
        found |= {*_of_rules(other.chain.rules)}
    prefixes = [route.prefix for route in state.all(Route) if not route.ours]
    prefixes += [each for rule in state.all(PolicyRule) for each in (rule.source, rule.destination) if each is not None]
    members = (member for each in state.all(IpSet) for member in each.members)
    prefixes += [part for member in members for part in member.parts if isinstance(part, Prefix)]
    return frozenset({*found, *map(_masked, prefixes)})


def _met(state: Snapshot, own: Collection[Address]) -> Iterator[Rule]:
    """Return the rules of the chains that packets may come to, ours left out."""
    waiting = deque(key for key in state.chains if key.name in BUILT_IN)
    seen = set(waiting)
    while waiting:
        key = waiting.popleft()
        for rule in () if key.owned else state.rules(key):
            yield rule
            if rule.target is None:
                continue
            below = key._replace(name=rule.target.name)
            if below in state.chains and below not in seen and not _elsewhere(rule, own):
                seen.add(below)
                waiting.append(below)


def _elsewhere(rule: Rule, own: Collection[Address]) -> bool:
    """Whether a rule is about packets to a single address that is not the node's, such as a service's."""
    asked = rule.destination
    prefix = None if asked is None or asked.negated else asked.value.prefix
    return prefix is not None and prefix.size == 1 and prefix.address not in own


def _of_rules(rules: Iterable[Rule]) -> Iterator[AddressMask]:
    for rule in rules:
        for condition in (rule.source, rule.destination):
            if condition is not None:
                yield condition.value
        for match in rule.matches:
            if match.name == "iprange":
                for option in map(match.get, _RANGES):
                    yield from () if option is None else map(_masked, _prefixes_of(option.addresses))


def _masked(prefix: Prefix) -> AddressMask:
    bits = BITS[prefix.version]
    return AddressMask(prefix.version, prefix.value, _cut((1 << bits) - 1, prefix.length, bits))


def _prefixes_of(asked: AddressRange) -> Iterator[Prefix]:
    """Return a range as the fewest prefixes that are all of it."""
    version, value = asked.first.version, asked.first.value
    while value <= asked.last.value:
        left = asked.last.value - value + 1
        free = min(left.bit_length() - 1, (value & -value).bit_length() - 1 if value else BITS[version])
        yield Prefix(version, value, BITS[version] - free)
        value += 1 << free


def leads_further(state: Snapshot) -> Iterator[tuple[ChainKey, Rule]]:
    """Return the rules that lead into chains which are not in a state, with their chains: these were not read."""
    for chain in state.all(Chain):
        for rule in chain.rules:
            name = None if rule.target is None or rule.target.name in TARGET_EXTENSIONS else rule.target.name
            if name is not None and chain.key._replace(name=name) not in state.chains:
                yield chain.key, rule
