"""Which state a rollback goes back to, and what was done to the node since."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from netplan.errors import UsageError
from netplan.kinds.sysctl.value import Sysctl
from netplan.resource import Change, Reason, Resource
from netplan.restore import Deed, earlier
from netplan.snapshot import Snapshot
from netplan.state.generations import Damaged, Generation
from netplan.state.origin import Origin


class WayBack(Struct, frozen=True):
    """The state to go back to, the changes made since, and what the plan and the new generation say of it.

    `origin` is what led to that state; its spec has no name where nobody knows one, as of a state before podnet.
    `sysctls` names the parameters that the spec of that state wanted.
    """

    target: Snapshot
    touched: tuple[Change[Resource], ...]
    origin: Origin
    verb: str
    reason: Reason
    sysctls: tuple[str, ...]


def way_back(kept: Sequence[Generation | Damaged], number: int | None) -> WayBack:
    """Find the way back to what a generation left, by default to the state before the newest.

    UsageError (2) if there is no such generation, or it can't be read.
    """
    if not kept:
        raise UsageError("there is no generation to go back from: podnet has applied nothing on this node")
    if number is None:
        return _before(_readable(kept[-1]), kept[-2] if kept[1:] else None)
    found = next((each for each in kept if each.number == number), None)
    if found is None:
        raise UsageError(f"there is no generation {number}; kept are {kept[0].number} to {kept[-1].number}")
    return _after(_readable(found), [each for each in kept if isinstance(each, Generation) and each.number > number])


def _readable(found: Generation | Damaged) -> Generation:
    if isinstance(found, Damaged):
        what = f"generation {found.number} can't be read ({found.path})" if found.format is None else str(found)
        raise UsageError(f"{what}: say another one, as podnet history shows")
    return found


def _before(newest: Generation, former: Generation | Damaged | None) -> WayBack:
    reason = Reason(f"as it was before generation {newest.number}")
    verb = f"rollback to before {newest.number}"
    if isinstance(former, Generation):
        return WayBack(newest.before, newest.changes, former.origin, verb, reason, _wanted(former))
    unnamed = replace(newest.origin, spec_path="", spec_sha256="")
    return WayBack(newest.before, newest.changes, unnamed, verb, reason, ())


def _after(generation: Generation, later: Sequence[Generation]) -> WayBack:
    target = earlier(generation.after, [Deed(each.changes, each.before) for each in later])
    touched = tuple(change for each in later for change in each.changes)
    reason = Reason(f"as it was after generation {generation.number}")
    return WayBack(target, touched, generation.origin, f"rollback to {generation.number}", reason, _wanted(generation))


def _wanted(generation: Generation) -> tuple[str, ...]:
    return tuple(each.name for each in generation.after.all(Sysctl))
