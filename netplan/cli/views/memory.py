"""What podnet remembers, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from netplan import waiting
from netplan.net import counted, printable
from netplan.planfile import change_to_json, counts
from netplan.recover import Found, Recovery
from netplan.resource import Json
from netplan.state.generations import Damaged, Generation

_DIGEST: Final = 8
_NO_SPEC: Final = "-"
NOTHING: Final = "Nothing to recover."
_EMPTY: Final = "No generations: podnet has applied nothing on this node."


def recovery_text(recovery: Recovery) -> str:
    """Say what was found and done."""
    origin, changes = recovery.origin, counted(len(recovery.changes), "change")
    match recovery.found:
        case Found.INTERRUPTED:
            return f"{printable(str(origin))} was interrupted; the state before it is back ({changes})."
        case Found.UNCONFIRMED:
            return f"{printable(str(origin))} was not confirmed; the state before it is back ({changes})."
        case Found.VERIFIED:
            return f"{printable(str(origin))} was done when it was interrupted; it is generation {recovery.generation}."
        case Found.REBOOT:
            return "\n".join(_after_a_reboot(recovery, changes))


def _after_a_reboot(recovery: Recovery, changes: str) -> Iterator[str]:
    generation = "" if recovery.generation is None else f", as generation {recovery.generation}"
    but = " but for what follows" if recovery.late else ""
    yield f"The state before the reboot is back{but} ({changes}){generation}{':' if but else '.'}"
    yield from (f"  {warning}" for warning in waiting.warnings(recovery.late))


def recoveries_json(recoveries: Sequence[Recovery]) -> Json:
    """Give what was recovered as JSON values."""
    return {
        "recovered": [
            {
                "found": recovery.found.value,
                **recovery.origin.to_json(),
                "changes": [change_to_json(change) for change in recovery.changes],
                "generation": recovery.generation,
                "late": [sysctl.to_json() for sysctl in recovery.late],
            }
            for recovery in recoveries
        ]
    }


def history_text(generations: Sequence[Generation | Damaged]) -> str:
    """Lay generations out in columns, the newest last and marked."""
    rows = list(_rows(generations))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) or _EMPTY


def _rows(generations: Sequence[Generation | Damaged]) -> Iterator[tuple[str, ...]]:
    for each in generations:
        number = f"{'*' if each is generations[-1] else ' '} {each.number:>4}"
        if isinstance(each, Damaged):
            yield (number, "damaged" if each.format is None else f"format {each.format}", "", "", "", "")
            continue
        origin = each.origin
        spec = f"{origin.spec_path} {origin.spec_sha256[:_DIGEST]}" if origin.spec_path else _NO_SPEC
        changes = ", ".join(f"{count} {verb}" for verb, count in counts(each.changes).items() if count)
        yield (number, *map(printable, (origin.when, origin.who, origin.verb, spec)), changes)


def history_json(generations: Sequence[Generation | Damaged]) -> Json:
    """Give generations as JSON values, the newest last."""
    return {"generations": [_generation_json(each, current=each is generations[-1]) for each in generations]}


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
