"""Which fields of an updated object, or which settings of a spec, change, and how."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any

from msgspec import Struct

from netplan.kinds.resource import Change, Json, Resource


class FieldChange(Struct, frozen=True):
    """A field's value before and after; None where the object has no such value, or a list no such item.

    Of an `item` of a list that moves they are its places, counted from 1.
    """

    field: str
    before: Any
    after: Any
    item: str | None = None

    def to_json(self) -> Json:
        """Return the change as JSON values."""
        data = {"field": self.field, "before": self.before, "after": self.after}
        return data if self.item is None else data | {"item": self.item}

    def __str__(self) -> str:
        before, after = _written(self.before), _written(self.after)
        if self.item is not None:
            return f"{self.field} {before} -> {after}: {self.item}"
        if self.before is None:
            return f"{self.field}: + {after}"
        if self.after is None:
            return f"{self.field}: - {before}"
        return f"{self.field} {before} -> {after}"


def field_changes(change: Change[Resource]) -> tuple[FieldChange, ...]:
    """Return the fields that differ, sorted; nothing for an object that is created or deleted.

    Items of a list are compared without regard to their order first; then those that move among the others follow.
    """
    if change.before is None or change.after is None:
        return ()
    before, after = change.before.to_json(), change.after.to_json()
    changes = [_field_change(level, str(_path(level)[0])) for level in _differing(before, after)]
    for name in before.keys() & after.keys():
        if isinstance(before[name], list):
            changes += _moves(name, [*map(str, before[name])], [*map(str, after[name])])
    return _sorted(changes)


def setting_changes(before: Json, after: Json) -> tuple[FieldChange, ...]:
    """Return where two specs differ, under dotted names such as `backend.type`; the order of lists does not count."""
    return _sorted(_field_change(level, _dotted(_path(level))) for level in _differing(before, after))


def _differing(before: Json, after: Json) -> list[Any]:
    from deepdiff import DeepDiff  # noqa: PLC0415 - it takes as long to load as all of podnet: only updates need it

    differences = DeepDiff(
        before,
        after,
        ignore_order=True,
        report_repetition=True,
        threshold_to_diff_deeper=0,
        view="tree",
        hasher=_digest,
    )
    return [level for levels in differences.values() for level in levels]


def _digest(text: str | bytes) -> str:
    """Return what tells texts apart, also those of the kernel that are no UTF-8."""
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode(errors="surrogatepass")).hexdigest()


def _path(level: Any) -> list[str | int]:  # noqa: ANN401 - deepdiff's levels have no types
    return list(level.path(output_format="list"))


def _sorted(changes: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    return tuple(sorted(changes, key=lambda item: (item.field, str(item.before), str(item.after))))


def _dotted(path: Iterable[str | int]) -> str:
    """Write the path of a value, or of the list that it is an item of."""
    return ".".join(takewhile(lambda name: name, (key if isinstance(key, str) else "" for key in path)))


def _written(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _moves(field: str, before: Sequence[str], after: Sequence[str]) -> Iterator[FieldChange]:
    """Return the items that both lists have and that change their order: the fewest that explain it."""
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for place, item in enumerate(after, 1):
        places[item].append(place)
    both = [(place, places[item].popleft(), item) for place, item in enumerate(before, 1) if places[item]]
    stay = _longest_rise([there for _, there, _ in both])
    yield from (FieldChange(field, here, there, item) for here, there, item in both if there not in stay)


def _longest_rise(numbers: Iterable[int]) -> set[int]:
    """Return the longest increasing subsequence of distinct numbers, as a set."""
    ends: list[int] = []
    earlier: dict[int, int | None] = {}
    for number in numbers:
        at = bisect_left(ends, number)
        earlier[number] = ends[at - 1] if at else None
        ends[at : at + 1] = [number]
    longest: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        longest.add(last)
        last = earlier[last]
    return longest


def _field_change(level: Any, field: str) -> FieldChange:  # noqa: ANN401 - deepdiff's levels have no types
    values = [None if type(value).__name__ == "NotPresent" else value for value in (level.t1, level.t2)]
    repeated = level.additional.get("repetition")
    if repeated is not None:
        values = [f"{repeated[times]} x {level.t1}" for times in ("old_repeat", "new_repeat")]
    return FieldChange(field, *values)
