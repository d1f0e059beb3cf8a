"""Whether a plan takes over from an apply that could not be undone: the rest of that undo is then no longer needed.

A plan decides over everything of ours, over what it wants, and over the foreign rules that it removes.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable

from netplan.desired.model import Desired
from netplan.kinds.chain.value import PlacedRule, is_our_jump
from netplan.kinds.link.value import Link
from netplan.kinds.registry import stands_on
from netplan.kinds.resource import Change, Resource
from netplan.kinds.sysctl.value import Sysctl


def uncovered(left: Iterable[Change[Resource]], desired: Desired | None) -> tuple[Change[Resource], ...]:
    """Return the changes of an undo that a plan does not decide over; `desired` None for one without a spec."""
    left = tuple(left)
    objects = () if desired is None else tuple(want.resource for want in desired.objects)
    removed = set() if desired is None else {(removal.chain, removal.rule) for removal in desired.removals}
    wanted = {(resource.kind, resource.key) for resource in objects}
    links = {resource.name for resource in (*objects, *_sides(left)) if isinstance(resource, Link) and resource.ours}
    return tuple(
        change
        for change in left
        if not (
            (change.resource.chain, change.resource.rule) in removed or is_our_jump(change.resource.rule)
            if isinstance(change.resource, PlacedRule)
            else _decided(change, wanted, links)
        )
    )


def _decided(change: Change[Resource], wanted: Collection[tuple[str, Hashable]], links: Collection[str]) -> bool:
    resource = change.resource
    devices = {resource.device} if isinstance(resource, Sysctl) else {*stands_on(resource)}
    ours = any(side.ours for side in _sides([change])) or not devices.isdisjoint(links)
    return ours or (resource.kind, resource.key) in wanted


def _sides(changes: Iterable[Change[Resource]]) -> list[Resource]:
    return [side for change in changes for side in (change.before, change.after) if side is not None]
