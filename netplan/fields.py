"""Which fields of an updated object change, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netplan.resource import Change, Json, Resource


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field's value before and after; None where the object has no such value, or a list no such item."""

    field: str
    before: Any
    after: Any

    def to_json(self) -> Json:
        """Give the change as JSON values."""
        return {"field": self.field, "before": self.before, "after": self.after}

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.field}: + {self.after}"
        if self.after is None:
            return f"{self.field}: - {self.before}"
        return f"{self.field} {self.before} -> {self.after}"


def field_changes(change: Change[Resource]) -> tuple[FieldChange, ...]:
    """Give the fields that differ, sorted; nothing for an object that comes or goes.

    Items of a list are compared without regard to their order; where nothing but the order differs, that is said.
    """
    if change.before is None or change.after is None:
        return ()
    from deepdiff import DeepDiff  # noqa: PLC0415 - it takes as long to load as all of podnet: only updates need it

    before, after = change.before.to_json(), change.after.to_json()
    found = DeepDiff(before, after, ignore_order=True, report_repetition=True, view="tree")
    changes = [_field_change(level) for levels in found.values() for level in levels]
    if not changes:
        lists = (name for name in before if before[name] != after[name])
        changes = [FieldChange(name, "one order", "another order") for name in lists]
    return tuple(sorted(changes, key=lambda item: (item.field, str(item.before), str(item.after))))


def _field_change(level: Any) -> FieldChange:  # noqa: ANN401 - deepdiff's levels have no types
    values = [None if type(value).__name__ == "NotPresent" else value for value in (level.t1, level.t2)]
    repeated = level.additional.get("repetition")
    if repeated is not None:
        values = [f"{repeated[times]} x {level.t1}" for times in ("old_repeat", "new_repeat")]
    return FieldChange(str(level.path(output_format="list")[0]), *values)
