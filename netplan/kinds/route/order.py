"""Several routes of one key: the kernel keeps them in an order, and packets go by the first.

Of IPv4 one comes before the others or behind them, and what replaces takes the place of the first
(net/ipv4/fib_trie.c, fib_table_insert). Of IPv6 one comes behind the others, and what replaces takes the place of the
first of its sort; those by gateways are one route with several hops (net/ipv6/ip6_fib.c, fib6_add_rt2node).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from netplan.kinds.resource import Insertion
from netplan.kinds.route.value import Hop, Route, RouteKey


class Step(NamedTuple):
    """One write among routes of one key: a `place` where one comes beside others, and then `before` goes first."""

    before: Route | None
    after: Route | None
    place: Insertion | None = None


def by_key(routes: Iterable[Route]) -> dict[RouteKey, list[Route]]:
    """Return routes by their keys, those of one key in the order given."""
    grouped: dict[RouteKey, list[Route]] = {}
    for route in routes:
        grouped.setdefault(route.key, []).append(route)
    return grouped


def excludes(there: Route, route: Route) -> bool:
    """Return whether the kernel refuses a route beside one of its key: the same, and of IPv6 one that leads as it does.

    Of IPv6 it does not matter which program installed it (net/ipv6/ip6_fib.c, rt6_duplicate_nexthop).
    """
    return there == route or (route.prefix.version == 6 and _way(there) == _way(route))


def _way(route: Route) -> tuple[object, ...]:
    return route.oif or "lo", route.next_hop, route.hops


def replaced(there: Sequence[Route], route: Route) -> int:
    """Return the index of the route that the kernel replaces by another one of its key."""
    if route.prefix.version == 4:
        return 0
    return next((index for index, other in enumerate(there) if other.by_gateway == route.by_gateway), 0)


def inserted(there: Sequence[Route], route: Route, place: Insertion) -> tuple[Route, ...]:
    """Return the routes of a key after one came."""
    if route.prefix.version == 4:
        return (route, *there) if place is Insertion.FIRST else (*there, route)
    joined = next((index for index, other in enumerate(there) if other.by_gateway and route.by_gateway), None)
    if joined is None:
        return (*there, route)
    return (*there[:joined], _merged(there[joined], route), *there[joined + 1 :])


def _merged(route: Route, other: Route) -> Route:
    hops = tuple(
        hop for part in (route, other) for hop in part.hops or (Hop(part.oif, part.next_hop, onlink=part.onlink),)
    )
    return replace(route, oif=None, next_hop=None, onlink=False, hops=hops)


def arranged(
    there: Sequence[Route], wanted: Sequence[Route], fixed: Collection[Route], before: Sequence[Route]
) -> tuple[Route, ...]:
    """Return the routes of a key as they can be at best: those that are wanted, and of those there the `fixed`.

    `before` is the order that is wanted, in which fixed ones may stand too. Fixed ones keep theirs; what was not before
    any of them comes behind.
    """
    staying = tuple(route for route in there if route in fixed)
    joins = any(route.by_gateway for route in staying if route.prefix.version == 6)
    ours = tuple(dict.fromkeys(wanted))
    if not staying:
        return ours
    ours = tuple(
        route
        for route in ours
        if not (joins and route.by_gateway) and not any(excludes(other, route) for other in staying)
    )
    present = tuple(route for route in there if route in fixed or route in ours)
    absent = tuple(route for route in ours if route not in there)
    if staying[0].prefix.version == 6 or (not absent and _in_order(present, before)):
        return (*present, *absent)
    first = next((index for index, route in enumerate(before) if route in staying), len(before))
    ahead = [route for route in ours if route in before[:first]]
    return (*ahead, *staying, *(route for route in ours if route not in ahead))


def _in_order(present: Sequence[Route], before: Sequence[Route]) -> bool:
    known = [route for route in present if route in before]
    return known == [route for route in before if route in present]


def steps(there: Sequence[Route], wanted: Sequence[Route], fixed: Collection[Route] = ()) -> Iterator[Step]:
    """Yield what leads from the routes of a key to those wanted, as `arranged` returns them; a packet always has one.

    What only goes comes last; what the kernel would refuse the other beside goes before it.
    """
    now = list(there)
    for route in wanted[:1] if wanted and wanted[0].prefix.version == 4 else wanted:
        index = replaced(now, route)
        if now and route not in now and now[index] not in wanted and now[index] not in fixed:
            yield Step(now[index], route)
            now[index] = route
    start, end = _block(now, wanted, fixed)
    places = [(route, Insertion.FIRST) for route in reversed(wanted[:start])]
    places += [(route, Insertion.LAST) for route in wanted[end:]]
    deleted = set()
    for number, (route, place) in enumerate(places):
        before = next((other for other in now if excludes(other, route)), None)
        deleted.add(before)
        yield Step(before, route, place if now or number else None)
    yield from (Step(route, None) for route in now if route not in wanted and route not in deleted)


def _block(now: Sequence[Route], wanted: Sequence[Route], fixed: Collection[Route]) -> tuple[int, int]:
    """Find the longest part of what is wanted that stands in that order already, with all fixed ones in it."""
    starts = range(len(wanted) if wanted and wanted[0].prefix.version == 4 else 1)
    parts = [(start, start + _run(now, wanted[start:])) for start in starts] or [(0, 0)]
    holding = [part for part in parts if all(route in wanted[slice(*part)] for route in now if route in fixed)]
    return max(holding or parts, key=lambda part: part[1] - part[0])


def _run(now: Sequence[Route], wanted: Sequence[Route]) -> int:
    """Count how many of the first wanted ones stand in their order."""
    rest = iter(now)
    count = 0
    for route in wanted:
        if route not in rest:
            break
        count += 1
    return count
