"""Sets of whole numbers as sorted, disjoint intervals: what conditions on addresses and ports are made of.

A set is a flat tuple `(first, last, first, last, ...)`, both ends included, in which no two intervals touch: sets are
equal if and only if their tuples are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Final, TypeVar

from netplan.net import BITS, Prefix

V = TypeVar("V")
Intervals = tuple[int, ...]

EVERY_PORT: Final[Intervals] = (0, 0xFFFF)
EVERY_ADDRESS: Final[dict[int, Intervals]] = {version: (0, (1 << bits) - 1) for version, bits in BITS.items()}


def only(value: int) -> Intervals:
    """Return the set of one number."""
    return (value, value)


def of_prefix(prefix: Prefix) -> tuple[int, int]:
    """Return the addresses of a prefix."""
    return (prefix.value, prefix.value + prefix.size - 1)


def of_prefixes(prefixes: Iterable[Prefix]) -> Intervals:
    """Return the addresses of several prefixes of one IP version."""
    firsts: dict[tuple[int, int], list[int]] = defaultdict(list)
    for prefix in prefixes:
        firsts[prefix.version, prefix.length].append(prefix.value)
    sets = [of_blocks(values, 1 << BITS[version] - length) for (version, length), values in firsts.items()]
    return sets[0] if len(sets) == 1 else union(pair for one in sets for pair in pairs_of(one))


def of_blocks(firsts: Iterable[int], block: int) -> Intervals:
    """Return the numbers of blocks of one size, which begin at multiples of it; a set of very many is made fast."""
    starts = sorted(firsts)
    gaps = ((one + block - 1, other) for one, other in pairwise(starts) if other - one > block)
    return (starts[0], *chain.from_iterable(gaps), starts[-1] + block - 1) if starts else ()


def union(pairs: Iterable[tuple[int, int]]) -> Intervals:
    """Return the set that intervals in any order make up."""
    flat: list[int] = []
    for first, last in sorted(pairs):
        if flat and first <= flat[-1] + 1:
            flat[-1] = max(flat[-1], last)
        else:
            flat += (first, last)
    return tuple(flat)


def pairs_of(one: Intervals) -> Iterable[tuple[int, int]]:
    """Return the intervals of a set as pairs."""
    return zip(one[::2], one[1::2], strict=True)


def join(one: Intervals, other: Intervals) -> Intervals:
    """Return what is in either set."""
    if not one or not other or one == other:
        return one or other
    return union([*pairs_of(one), *pairs_of(other)])


def meet(one: Intervals, other: Intervals) -> Intervals:
    """Return what is in both sets; the work is in proportion to the smaller one and the result."""
    if len(one) > len(other):
        one, other = other, one
    if not one or other[-1] < one[0] or other[0] > one[-1]:
        return ()
    flat: list[int] = []
    for at in range(0, len(one), 2):
        first, last = one[at], one[at + 1]
        start = bisect_left(other, first) & ~1
        stop = bisect_right(other, last) + 1 & ~1
        if start < stop:
            piece = list(other[start:stop])
            piece[0], piece[-1] = max(piece[0], first), min(piece[-1], last)
            flat += piece
    return tuple(flat)


def minus(one: Intervals, other: Intervals) -> Intervals:
    """Return what is in the first set and not in the other."""
    if not one or not other or other[-1] < one[0] or other[0] > one[-1]:
        return one
    return meet(one, _between(other, one[0], one[-1]))


def _between(one: Intervals, first: int, last: int) -> Intervals:
    """Return what is not in a set, from a first to a last number."""
    start, stop = bisect_left(one, first) & ~1, bisect_right(one, last) + 1 & ~1
    flat = [first]
    for at in range(start, stop, 2):
        flat += (one[at] - 1, one[at + 1] + 1)
    flat.append(last)
    return tuple(number for pair in pairs_of(tuple(flat)) if pair[0] <= pair[1] for number in pair)


def contains(one: Intervals, value: int) -> bool:
    """Whether a number is in a set."""
    at = bisect_left(one, value)
    return at < len(one) and (at % 2 == 1 or one[at] == value)


def size(one: Intervals) -> int:
    """Count the numbers of a set."""
    return sum(one[1::2]) - sum(one[::2]) + len(one) // 2


def single(one: Intervals | None) -> int | None:
    """Return the one number of a set, None if it has another size."""
    return one[0] if one is not None and len(one) == 2 and one[0] == one[1] else None


def narrowest(layers: Iterable[tuple[Prefix, V]]) -> Iterator[tuple[int, int, V]]:
    """Return disjoint intervals, each with the value of the longest of different prefixes there."""
    within: list[tuple[int, V]] = []
    at = 0

    def until(stop: int) -> Iterator[tuple[int, int, V]]:
        nonlocal at
        while within:
            last, value = within[-1]
            end = min(last, stop - 1)
            if at <= end:
                yield at, end, value
                at = end + 1
            if last >= stop:
                return
            within.pop()

    placed = ((prefix.value, prefix.value + prefix.size - 1, value) for prefix, value in layers)
    for first, last, value in sorted(placed, key=lambda layer: (layer[0], -layer[1])):
        yield from until(first)
        at = first
        within.append((last, value))
    if within:
        yield from until(within[0][0] + 1)
