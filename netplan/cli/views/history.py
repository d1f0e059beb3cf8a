"""What podnet remembers, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from netplan.kinds.change_json import change_to_json
from netplan.kinds.resource import Change, Json, Resource
from netplan.net import printable
from netplan.operations.history import BegunApply
from netplan.operations.settle import Recovery
from netplan.operations.unfinished import Leftover
from netplan.planning.plan_json import counts
from netplan.store.generations import Damaged, Generation
from netplan.store.provenance import Provenance
from netplan.system import clock

_DIGEST: Final = 8
_NO_SPEC: Final = "-"
NOTHING: Final = "Nothing to recover."
_EMPTY: Final = "No generations: podnet has applied nothing on this node."


def recovery_text(recovery: Recovery) -> str:
    """Return why the node was recovered and what was done, escaped."""
    return "\n".join(map(printable, str(recovery).split("\n")))


def recoveries_json(recoveries: Sequence[Recovery]) -> Json:
    """Return what was recovered as JSON values."""
    return {
        "recovered": [
            {
                "found": recovery.cause.value,
                **recovery.origin.to_json(),
                "changes": [change_to_json(change) for change in recovery.changes],
                "generation": recovery.generation,
                "late": [sysctl.to_json() for sysctl in recovery.late],
            }
            for recovery in recoveries
        ]
    }


def leftover_text(left: Leftover) -> str:
    """Return what is abandoned, and what stays undone by that."""
    if left.entry is None:
        return printable(left.unknown)
    lines = [f"{printable(str(left.entry.origin))} was not finished. What would restore the state before it:"]
    lines += [printable(f"  {left.unknown}")] if left.unknown else []
    lines += [printable(f"  {change.action.value} {change.resource.kind} {change.resource}") for change in left.changes]
    return "\n".join(lines if lines[1:] else [*lines, "  nothing: it is there"])


def leftover_json(left: Leftover, kept: Path) -> Json:
    """Return what was abandoned as JSON values, with the file in which its journal is kept."""
    origin = {} if left.entry is None else left.entry.origin.to_json()
    left_undone = [change_to_json(change) for change in left.changes]
    return {"abandoned": {**origin, "changes": left_undone, "unknown": left.unknown or None, "kept": str(kept)}}


def history_text(generations: Sequence[Generation | Damaged], begun: BegunApply | None = None) -> str:
    """Return generations in columns, the newest last and marked, and behind them the apply that is none yet."""
    rows = [*_rows(generations), *([] if begun is None else [_begun_row(begun)])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) or _EMPTY


def _rows(generations: Sequence[Generation | Damaged]) -> Iterator[tuple[str, ...]]:
    for generation in generations:
        number = f"{'*' if generation is generations[-1] else ' '} {generation.number:>4}"
        if isinstance(generation, Damaged):
            yield (number, "damaged" if generation.format is None else f"format {generation.format}", "", "", "", "")
            continue
        yield (number, *_cells(generation.origin), _counted(generation.changes))


def _begun_row(begun: BegunApply) -> tuple[str, ...]:
    """Return the row of an apply that is no generation yet."""
    entry = begun.entry
    return (">    -", *_cells(entry.origin), f"{_counted(entry.changes)}; {begun}")


def _cells(origin: Provenance) -> Iterator[str]:
    spec = f"{origin.spec_path} {origin.spec_sha256[:_DIGEST]}" if origin.spec_path else _NO_SPEC
    return map(printable, (origin.when, origin.who, origin.verb, spec))


def _counted(changes: Sequence[Change[Resource]]) -> str:
    return ", ".join(f"{count} {verb}" for verb, count in counts(changes).items() if count)


def history_json(generations: Sequence[Generation | Damaged], begun: BegunApply | None = None) -> Json:
    """Return generations as JSON values, the newest last, and the apply that is none yet."""
    kept = [_generation_json(generation, current=generation is generations[-1]) for generation in generations]
    return {"generations": kept, "pending": None if begun is None else _begun_json(begun)}


def _begun_json(begun: BegunApply) -> Json:
    entry = begun.entry
    left = entry.confirm.deadline - clock.now() if begun.waits and entry.confirm is not None else None
    phase = {"phase": entry.phase.value, "waits_for_confirm": begun.waits, "seconds_left": left and round(left, 1)}
    return {**entry.origin.to_json(), **phase, "changes": counts(entry.changes)}


def _generation_json(generation: Generation | Damaged, *, current: bool) -> Json:
    if isinstance(generation, Damaged):
        other = {} if generation.format is None else {"format": generation.format}
        return {"number": generation.number, "current": current, "damaged": generation.why, **other}
    return {
        "number": generation.number,
        "current": current,
        **generation.origin.to_json(),
        "changes": counts(generation.changes),
    }
