"""Which fields of an updated object change, and how."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from deepdiff import DeepDiff

from netplan.resource import Change, Json, Resource


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field's value before and after; None where the object has no such value, or a list no such item.

    Of an `item` of a list that moves they are its places, counted from 1.
    """

    field: str
    before: Any
    after: Any
    item: str | None = None

    def to_json(self) -> Json:
        """Give the change as JSON values."""
        data = {"field": self.field, "before": self.before, "after": self.after}
        return data if self.item is None else data | {"item": self.item}

    def __str__(self) -> str:
        if self.item is not None:
            return f"{self.field} {self.before} -> {self.after}: {self.item}"
        if self.before is None:
            return f"{self.field}: + {self.after}"
        if self.after is None:
            return f"{self.field}: - {self.before}"
        return f"{self.field} {self.before} -> {self.after}"


def field_changes(change: Change[Resource]) -> tuple[FieldChange, ...]:
    """Give the fields that differ, sorted; nothing for an object that comes or goes.

    Items of a list are compared without regard to their order first; then those that move among the others are told.
    """
    if change.before is None or change.after is None:
        return ()
    before, after = change.before.to_json(), change.after.to_json()
    found = DeepDiff(before, after, ignore_order=True, report_repetition=True, view="tree")
    changes = [_field_change(level) for levels in found.values() for level in levels]
    for name in before.keys() & after.keys():
        if isinstance(before[name], list):
            changes += _moves(name, [*map(str, before[name])], [*map(str, after[name])])
    return tuple(sorted(changes, key=lambda item: (item.field, str(item.before), str(item.after))))


def _moves(field: str, before: Sequence[str], after: Sequence[str]) -> Iterator[FieldChange]:
    """Give the items that both lists have and that change their order: the fewest that explain it."""
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for place, item in enumerate(after, 1):
        places[item].append(place)
    both = [(place, places[item].popleft(), item) for place, item in enumerate(before, 1) if places[item]]
    stay = _longest_rise([there for _, there, _ in both])
    yield from (FieldChange(field, here, there, item) for here, there, item in both if there not in stay)


def _longest_rise(numbers: Iterable[int]) -> set[int]:
    """Give as many of different numbers as can be, each greater than the one before it."""
    ends: list[int] = []
    earlier: dict[int, int | None] = {}
    for number in numbers:
        at = bisect_left(ends, number)
        earlier[number] = ends[at - 1] if at else None
        ends[at : at + 1] = [number]
    found: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = earlier[last]
    return found


def _field_change(level: Any) -> FieldChange:  # noqa: ANN401 - deepdiff's levels have no types
    values = [None if type(value).__name__ == "NotPresent" else value for value in (level.t1, level.t2)]
    repeated = level.additional.get("repetition")
    if repeated is not None:
        values = [f"{repeated[times]} x {level.t1}" for times in ("old_repeat", "new_repeat")]
    return FieldChange(str(level.path(output_format="list")[0]), *values)
