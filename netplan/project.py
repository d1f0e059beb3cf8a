"""The state after a plan, worked out without a kernel."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeAlias

from netplan.kinds.chain.edit import edited
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.kinds.sysctl.forwarding import SWITCHES, rewritten
from netplan.kinds.sysctl.value import Sysctl
from netplan.resource import Change, Resource
from netplan.snapshot import KINDS, Snapshot

_Objects: TypeAlias = dict[type[Resource], dict[Hashable, Resource]]


def project(snapshot: Snapshot, changes: Iterable[Change[Resource]]) -> Snapshot:
    """Give the snapshot after the changes; ConflictError if a rule that goes does not stand where it should."""
    placed: dict[ChainKey, list[Change[PlacedRule]]] = {}
    objects: _Objects = {kind: {resource.key: resource for resource in snapshot.all(kind)} for kind in KINDS}
    for change in changes:
        resource = change.resource
        if isinstance(resource, PlacedRule):
            before, after = change.before, change.after
            if isinstance(before, PlacedRule | None) and isinstance(after, PlacedRule | None):
                placed.setdefault(resource.chain, []).append(Change(before, after, change.reason))
        elif change.after is None:
            objects[type(resource)].pop(resource.key, None)
        else:
            _switch(objects, resource)
            objects[type(resource)][resource.key] = resource
    for key, edits in placed.items():
        objects[Chain][key] = edited(snapshot.chains.get(key, Chain(key, policy="ACCEPT")), edits)
    return Snapshot(snapshot.backend, {kind: tuple(found.values()) for kind, found in objects.items()})


def _switch(objects: _Objects, resource: Resource) -> None:
    """Rewrite what the kernel rewrites when a parameter that switches others takes a new value."""
    found = objects[Sysctl]
    if isinstance(resource, Sysctl) and resource.name in SWITCHES and found.get(resource.key) != resource:
        settings = (each for each in found.values() if isinstance(each, Sysctl))
        objects[Sysctl] = {each.key: each for each in rewritten(settings, resource)}
