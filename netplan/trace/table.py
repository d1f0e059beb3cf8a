"""The routes of a node as sets of destinations, put together by where they lead."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from math import inf
from typing import Final, NamedTuple

from netplan.kinds.resource import Json
from netplan.kinds.route.value import Route
from netplan.net import BITS, Address, IfName, Prefix
from netplan.trace.flow import Various
from netplan.trace.intervals import (
    Intervals,
    contains,
    join,
    meet,
    minus,
    narrowest,
    of_prefixes,
    single,
    size,
    union,
)

_MANY_HOPS: Final = 256
"""More next hops, none of which is wanted, than are told apart."""


class Way(NamedTuple):
    """How packets leave the node: by which device, and to which next hop, None where they need none."""

    oif: IfName | None
    next_hop: Address | None

    def to_json(self) -> Json:
        """Return the way as JSON values, named as in a trace."""
        return {"oif": self.oif, "next_hop": None if self.next_hop is None else str(self.next_hop)}


class NextHop(NamedTuple):
    """A route that packets take, and the next hop by it: `WANTED` is the one that is wanted of each destination."""

    route: Route
    next_hop: Address | Various | None


class Table:
    """The routes of one table, for packets without a TOS; `wanted` are the ways that packets should take.

    Where that is None each next hop is told apart from the others, however many they are. Of several routes to a prefix
    the one of the lowest metric counts, and of these the first.
    """

    def __init__(self, routes: Iterable[Route], wanted: Mapping[Prefix, Way] | None) -> None:
        self._wanted = wanted or {}
        self._most_hops = inf if wanted is None else _MANY_HOPS
        self._routes: dict[int, dict[int, Route]] = {}
        for route in routes:
            prefix = route.prefix
            other = self._routes.setdefault(prefix.length, {}).setdefault(prefix.value, route)
            if route.metric < other.metric:
                self._routes[prefix.length][prefix.value] = route
        self._lengths = sorted(self._routes, reverse=True)

    def get(self, address: Address) -> Route | None:
        """Return the route of the longest prefix, then of the lowest metric."""
        for length in self._lengths:
            host_bits = BITS[address.version] - length
            route = self._routes[length].get(address.value >> host_bits << host_bits)
            if route is not None:
                return route
        return None

    def split(self, version: int, addresses: Intervals) -> Iterator[tuple[Intervals, NextHop]]:
        """Return the ways by which packets go to some addresses, and to which by each."""
        value = single(addresses)
        if value is not None:
            route = self.get(Address(version, value))
            if route is not None:
                yield addresses, NextHop(route, route.next_hop)
            return
        for group, hop in self.groups:
            inside = meet(addresses, group)
            if inside:
                yield inside, hop

    @cached_property
    def groups(self) -> list[tuple[Intervals, NextHop]]:
        """The ways by which packets go, and the destinations of each; first those wanted, which may be very many."""
        wanted: dict[Hashable, list[Route]] = {}
        others: list[Route] = []
        for route in self._all():
            if self._is_wanted(route):
                wanted.setdefault((route.oif, route.prefsrc, route.prefix.length), []).append(route)
            else:
                others.append(route)
        groups = [(of_prefixes(route.prefix for route in routes), routes[0]) for routes in wanted.values()]
        every: Intervals = ()
        for addresses, _ in groups:
            every = join(every, addresses)
        if sum(size(addresses) for addresses, _ in groups) != size(every):
            return self._swept(self._all())
        longer = [route for route in others if contains(every, route.prefix.value)]
        inside = of_prefixes(route.prefix for route in longer if self._lies_in_wanted(route.prefix))
        every = minus(every, inside)
        return [
            *((minus(addresses, inside), NextHop(route, Various.WANTED)) for addresses, route in groups),
            *((minus(addresses, every), hop) for addresses, hop in self._swept(others)),
        ]

    def _lies_in_wanted(self, prefix: Prefix) -> bool:
        """Whether a prefix is a part of one that is wanted and is there."""
        shorter = (prefix.within(length) for length in self._lengths if length < prefix.length)
        around = (self._routes[prefix.length].get(prefix.value) for prefix in shorter)
        return any(route is not None and self._is_wanted(route) for route in around)

    def _swept(self, routes: Iterable[Route]) -> list[tuple[Intervals, NextHop]]:
        ways: dict[Hashable, tuple[NextHop, list[tuple[int, int]]]] = {}
        routes = list(routes)
        various = len({route.next_hop for route in routes if not self._is_wanted(route)}) > self._most_hops
        for first, last, route in narrowest((route.prefix, route) for route in routes):
            next_hop: Address | Various | None = route.next_hop
            if self._is_wanted(route):
                next_hop = Various.WANTED
            elif various and next_hop is not None:
                next_hop = Various.OTHERS
            key = (route.type, route.oif, next_hop, route.prefsrc, route.hops, route.prefix.length)
            ways.setdefault(key, (NextHop(route, next_hop), []))[1].append((first, last))
        return [(union(pairs), hop) for hop, pairs in ways.values()]

    def _all(self) -> Iterator[Route]:
        return (route for routes in self._routes.values() for route in routes.values())

    def _is_wanted(self, route: Route) -> bool:
        return self._wanted.get(route.prefix) == (route.oif, route.next_hop) and route.type == "unicast"
