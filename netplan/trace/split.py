"""What splits sets of packets: conditions, which hold for a part of a flow, may hold, or do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from netplan.trace.flow import FIELDS, SERVICE, Field, Flow, Holds, protocols_of, services
from netplan.trace.intervals import Intervals, join, meet, minus


class Split(NamedTuple):
    """The parts of a flow for which a condition holds, may hold, and does not."""

    inside: tuple[Flow, ...] = ()
    doubtful: tuple[Flow, ...] = ()
    outside: tuple[Flow, ...] = ()

    def unless(self, negated: bool) -> Split:  # noqa: FBT001 - reads as the rule does
        """Return the parts for the negated condition."""
        return self.denied if negated else self

    @property
    def denied(self) -> Split:
        """The parts for the opposite condition."""
        return Split(self.outside, self.doubtful, self.inside)


Test = Callable[[Flow], Split]
"""A condition, which splits flows."""


def cut(flow: Flow, field: Field, wanted: Intervals, *, original: bool = False) -> Split:
    """Split a flow by a part of the header, as it is now, or as it was in the beginning.

    Where NAT made one of several values of it, it is unknown which packets are meant.
    """
    new = None if original else getattr(flow, field.new)
    if new is not None:
        now = services(protocols_of(flow.service), new) if field is SERVICE else new
        inside = meet(now, wanted)
        return Split(outside=(flow,)) if not inside else Split((flow,)) if inside == now else Split(doubtful=(flow,))
    now = getattr(flow, field.name)
    inside = meet(now, wanted)
    if not inside:
        return Split(outside=(flow,))
    if inside == now:
        return Split((flow,))
    outside = replace(flow, **{field.name: minus(now, wanted)})
    return Split((replace(flow, **{field.name: inside}),), outside=(outside,))


def parted(flow: Flow, holds: Holds) -> Split:
    """Return the split by a condition that is about all packets of a flow alike."""
    if holds is Holds.ALWAYS:
        return Split((flow,))
    return Split(outside=(flow,)) if holds is Holds.NEVER else Split(doubtful=(flow,))


def doubt(flow: Flow) -> Split:
    """Return the split by a condition that is not understood."""
    return Split(doubtful=(flow,))


def split_by(tests: Iterable[Test], flow: Flow) -> Split:
    """Split a flow by several conditions that must all hold."""
    inside: tuple[Flow, ...] = (flow,)
    doubtful: tuple[Flow, ...] = ()
    outside: tuple[Flow, ...] = ()
    for test in tests:
        splits = [test(part) for part in inside]
        unsure = [test(part) for part in doubtful]
        inside = tuple(part for split in splits for part in split.inside)
        outside += tuple(part for split in (*splits, *unsure) for part in split.outside)
        doubtful = tuple(part for split in splits for part in split.doubtful)
        doubtful += tuple(part for split in unsure for part in (*split.inside, *split.doubtful))
        if not inside and not doubtful:
            break
    return Split(inside, doubtful, outside)


def any_of(tests: Iterable[Test]) -> Test:
    """Return the condition that at least one of several holds."""
    denied: list[Test] = [_denied(test) for test in tests]
    return lambda flow: split_by(denied, flow).denied


def _denied(test: Test) -> Test:
    return lambda flow: test(flow).denied


def common(flow: Flow, region: Flow) -> Flow | None:
    """Return the packets of a flow that are in another one too, by the header with which they came."""
    met = {field.name: meet(getattr(flow, field.name), getattr(region, field.name)) for field in FIELDS}
    return replace(flow, **met) if all(met.values()) else None


def without(flow: Flow, region: Flow) -> list[Flow]:
    """Return the packets of a flow that are not in another one, in disjoint parts."""
    rest: list[Flow] = []
    for field in FIELDS:
        wanted = getattr(region, field.name)
        split = cut(flow, field, wanted, original=True)
        rest += split.outside
        if not split.inside:
            return rest
        (flow,) = split.inside
    return rest


def coalesced(parts: Iterable[Flow]) -> list[Flow]:
    """Make one of flows that differ in one part of their header only."""
    joined = list(dict.fromkeys(parts))
    for field in FIELDS if len(joined) > 1 else ():
        alike: dict[Flow, Flow] = {}
        for part in joined:
            key = replace(part, **{field.name: ()})
            other = alike.get(key)
            numbers = getattr(part, field.name)
            alike[key] = (
                part if other is None else replace(part, **{field.name: join(numbers, getattr(other, field.name))})
            )
        joined = list(alike.values())
    return joined


T = TypeVar("T")


def cells(flow: Flow, regions: Sequence[tuple[Flow, T]]) -> list[tuple[Flow, list[T]]]:
    """Divide packets by the regions that they are in: give each part with what stands for those."""
    divided: list[tuple[Flow, list[T]]] = [(flow, [])]
    for region, item in regions:
        after: list[tuple[Flow, list[T]]] = []
        for part, items in divided:
            inside = common(part, region)
            if inside is None:
                after.append((part, items))
            else:
                after.append((inside, [*items, item]))
                after += [(rest, items) for rest in without(part, region)]
        divided = after
    return divided
