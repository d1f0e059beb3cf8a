"""Changes as JSON values, of every kind of object that can be changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netplan.errors import Location
from netplan.kinds import registry
from netplan.kinds.resource import Change, Insertion, Json, Reason, Resource


def change_to_json(change: Change[Resource], fields: Iterable[Json] = ()) -> Json:
    """Return a change as JSON values, with the fields that it updates; `change_from_json` reads it back."""
    data = {
        "action": change.action.value,
        "kind": change.resource.kind,
        "key": change.resource.label,
        "before": None if change.before is None else change.before.to_json(),
        "after": None if change.after is None else change.after.to_json(),
        "fields": list(fields),
        "reason": reason_to_json(change.reason),
    }
    return data if change.place is None else data | {"place": change.place.value}


def reason_to_json(reason: Reason) -> Json:
    """Return a reason as JSON values."""
    return {"text": reason.text, "at": None if reason.at is None else str(reason.at)}


def change_from_json(data: Json) -> Change[Resource]:
    """Read what `change_to_json` gave; ValueError, KeyError, TypeError or OverflowError if it is something else."""
    kind = registry.named(data["kind"])
    if kind is None:
        raise ValueError(f"there is no kind {data['kind']!r}")
    before, after = (None if data[side] is None else kind.value.from_json(data[side]) for side in ("before", "after"))
    if before is None and after is None:
        raise ValueError("it has neither a before nor an after")
    place = Insertion(data["place"]) if data.get("place") else None
    return Change(before, after, Reason(str(data["reason"]["text"]), _location(data["reason"]["at"])), place)


def _location(text: Any) -> Location | None:  # noqa: ANN401 - whatever JSON holds
    if text is None:
        return None
    path, line, column = str(text).rsplit(":", 2)
    return Location(path, int(line), int(column))
