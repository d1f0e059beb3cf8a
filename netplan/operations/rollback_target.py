"""Which state a rollback goes back to, and what was done to the node since."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.hooks import Hook
from netplan.errors import UsageError
from netplan.kinds.chain.value import PlacedRule
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change, Reason, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import counted
from netplan.operations.report import Report
from netplan.planning.traffic.class_json import classes_from_json
from netplan.planning.traffic.classes import TrafficClass
from netplan.planning.undo import AppliedChanges, earlier
from netplan.store.generations import Damaged, Generation
from netplan.store.provenance import Provenance


class RollbackTarget(Struct, frozen=True):
    """The state to go back to, the changes made since, and what the plan and the new generation say of it.

    `origin` is what led to that state; its spec has no name where none is known, as of a state before podnet.
    `sysctls` names the parameters that the spec of that state wanted, `hooks` where it wanted our jumps, `traffic` the
    classes of traffic, none of a state before podnet, None if they are unknown, and `generation` was the newest then.
    """

    state: Snapshot
    touched: tuple[Change[Resource], ...]
    origin: Provenance
    verb: str
    reason: Reason
    sysctls: tuple[str, ...]
    generation: int
    hooks: tuple[Hook, ...] | None = None
    traffic: tuple[TrafficClass, ...] | None = None

    @property
    def touched_rules(self) -> Iterator[PlacedRule]:
        """The rules in other programs' chains that were created or deleted since."""
        sides = (side for change in self.touched for side in (change.before, change.after))
        return (side for side in sides if isinstance(side, PlacedRule))


class AdoptedObjects(Struct, frozen=True):
    """Objects of other programs that became podnet's, as they were before, and the generation that still had them."""

    objects: tuple[Resource, ...]
    generation: int

    def __str__(self) -> str:
        links = [resource.name for resource in self.objects if isinstance(resource, Link)]
        routes = sum(isinstance(resource, Route) for resource in self.objects)
        return " and ".join([*links, *([counted(routes, "route")] if routes else [])])


def adopted_objects(kept: Sequence[Generation | Damaged], deleted: Iterable[Resource]) -> AdoptedObjects | None:
    """Return what of the links and routes that are deleted was another program's before; None if nothing was.

    That is known as long as the generation is kept that took it over.
    """
    keys = {(resource.kind, resource.key) for resource in deleted if isinstance(resource, Link | Route)}
    adopted: dict[Hashable, tuple[int, Resource]] = {}
    for generation in kept:
        for change in generation.changes if isinstance(generation, Generation) else ():
            key, before, after = (change.resource.kind, change.resource.key), change.before, change.after
            if before is None or after is None or not after.ours:
                adopted.pop(key, None)
            elif key in keys and not before.ours:
                adopted.setdefault(key, (generation.number - 1, before))
    if not adopted:
        return None
    return AdoptedObjects(
        tuple(before for _, before in adopted.values()), min(number for number, _ in adopted.values())
    )


def rollback_target(kept: Sequence[Generation | Damaged], number: int | None) -> RollbackTarget:
    """Return the way back to what a generation left, by default to the state before the newest.

    One less than the number of the oldest stands for the state before that.
    UsageError (2) if there is no such generation, or it can't be read.
    """
    if not kept:
        raise UsageError("there is no generation to go back from: podnet has applied nothing on this node")
    if number is None:
        return _before(_readable(kept[-1]), kept[-2] if kept[1:] else None)
    later = [generation for generation in kept if isinstance(generation, Generation) and generation.number > number]
    if number == kept[0].number - 1:
        return _before_all(_readable(kept[0]), later)
    chosen = next((generation for generation in kept if generation.number == number), None)
    if chosen is None:
        raise UsageError(
            f"there is no generation {number}; kept are {kept[0].number} to {kept[-1].number}, "
            f"and {kept[0].number - 1} is the state before them"
        )
    return _after(_readable(chosen), later)


def _readable(generation: Generation | Damaged) -> Generation:
    if isinstance(generation, Damaged):
        what = (
            f"generation {generation.number} can't be read ({generation.path})"
            if generation.format is None
            else str(generation)
        )
        raise UsageError(f"{what}: choose another one, as podnet history shows")
    return generation


def _before(newest: Generation, former: Generation | Damaged | None) -> RollbackTarget:
    reason = Reason(f"as it was before generation {newest.number}")
    verb = f"rollback to before {newest.number}"
    number = newest.number - 1
    state, changes = newest.before, newest.changes
    if isinstance(former, Generation):
        wanted, traffic = _wanted(former), _traffic(former)
        return RollbackTarget(state, changes, former.origin, verb, reason, wanted, number, former.hooks, traffic)
    none = () if number == 0 else None
    return RollbackTarget(state, changes, _unnamed(newest), verb, reason, (), number, traffic=none)


def _before_all(oldest: Generation, kept: Sequence[Generation]) -> RollbackTarget:
    state, touched = _undoing(oldest.before, kept)
    reason = Reason(f"as it was before generation {oldest.number}")
    verb = f"rollback to before {oldest.number}"
    number = oldest.number - 1
    none = () if number == 0 else None
    return RollbackTarget(state, touched, _unnamed(oldest), verb, reason, (), number, traffic=none)


def _traffic(generation: Generation) -> tuple[TrafficClass, ...] | None:
    """Return the classes of traffic that are wanted in a generation, None if it does not say.

    UsageError (2) if they can't be read.
    """
    if generation.traffic is None:
        return None
    try:
        return classes_from_json(generation.traffic)
    except ValueError as error:
        what = f"generation {generation.number} can't be read (its traffic: {error})"
        raise UsageError(f"{what}: choose another one, as podnet history shows") from error


def _unnamed(generation: Generation) -> Provenance:
    """Return where a generation comes from without its spec: what led to the state before it is unknown."""
    return replace(generation.origin, spec_path="", spec_sha256="")


def _undoing(state: Snapshot, later: Sequence[Generation]) -> tuple[Snapshot, tuple[Change[Resource], ...]]:
    """Return the state to restore in order to get back to one, and what the generations after it changed."""
    touched = tuple(change for generation in later for change in generation.changes)
    return earlier(state, [AppliedChanges(generation.changes, generation.before) for generation in later]), touched


def _after(generation: Generation, later: Sequence[Generation]) -> RollbackTarget:
    state, touched = _undoing(generation.after, later)
    reason = Reason(f"as it was after generation {generation.number}")
    number = generation.number
    return RollbackTarget(
        state,
        touched,
        generation.origin,
        f"rollback to {number}",
        reason,
        _wanted(generation),
        number,
        generation.hooks,
        _traffic(generation),
    )


def _wanted(generation: Generation) -> tuple[str, ...]:
    return tuple(sysctl.name for sysctl in generation.after.all(Sysctl))


def intact(kept: Iterable[Generation | Damaged], report: Report) -> list[Generation]:
    """Return the generations that can be read, and note a warning of the others."""
    readable = []
    for generation in kept:
        if isinstance(generation, Damaged):
            report.note(f"warning: {generation}")
        else:
            readable.append(generation)
    return readable
