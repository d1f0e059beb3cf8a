"""The state after a plan, computed without a kernel, with what the kernel does by itself to objects on a link."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.edit import edited
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.kinds.link.value import Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.registry import kinds, owned_by_link, stands_on, values, version_of
from netplan.kinds.resource import Change, Insertion, Resource
from netplan.kinds.route.order import inserted, replaced
from netplan.kinds.route.value import Route, RouteKey
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.forwarding import SWITCHES, rewritten
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IPV6_MTU_MIN, IfName
from netplan.planning.obstacles import Identity, Obstacle, identity

_Links: TypeAlias = Mapping[Hashable, Resource]
R = TypeVar("R", bound=Resource)


class _Objects(dict[type[Resource], dict[Hashable, Resource]]):
    """The objects of a state by their kinds and keys, but for routes: of these there may be several of one key."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(
            (kind, {resource.key: resource for resource in snapshot.all(kind)})
            for kind in values()
            if kind is not Route
        )
        self.routes: dict[RouteKey, Sequence[Route]] = dict(snapshot.routes)

    def all(self, kind: type[Resource]) -> tuple[Resource, ...]:
        """Return the objects of one kind."""
        return tuple(chain.from_iterable(self.routes.values()) if kind is Route else self[kind].values())


def project(snapshot: Snapshot, changes: Iterable[Change[Resource]]) -> Snapshot:
    """Return the snapshot after the changes, itself if there are none.

    ConflictError if a rule that goes does not stand where it should.
    """
    changes = tuple(changes)
    if not changes:
        return snapshot
    placed: dict[ChainKey, list[Change[PlacedRule]]] = {}
    objects = _Objects(snapshot)
    for change in changes:
        resource = change.resource
        if isinstance(resource, PlacedRule):
            placed.setdefault(resource.chain, []).append(cast("Change[PlacedRule]", change))
        elif isinstance(resource, Route):
            _change_route(objects, resource.key, change)
        else:
            _switch(objects, resource)
            _change(objects, resource, deleted=change.after is None)
    for key, edits in placed.items():
        objects[Chain][key] = edited(snapshot.chains.get(key, Chain(key, policy="ACCEPT")), edits)
    return snapshot.holding({kind: objects.all(kind) for kind in values()})


def after_updates(snapshot: Snapshot, changes: Iterable[Change[Resource]]) -> Snapshot:
    """Return the snapshot after the updates of links and addresses: without what a replaced link loses.

    What stands on a link that is deleted is still there, to be deleted or moved before it.
    """
    updates = [change for change in changes if change.before is not None and change.after is not None]
    below = [change for change in updates if isinstance(change.after, Link | LinkAddress)]
    return project(snapshot, below) if below else snapshot


def lost_with_links(kind: type[R], before: Snapshot, after: Snapshot) -> tuple[R, ...]:
    """Return the objects of a kind that `after_updates` lost, ours if their link is ours after it."""
    if after is before:
        return ()
    if kind is Route:
        stay = {*after.all(kind)}
        return tuple(resource for resource in before.all(kind) if resource not in stay)
    links: _Links = {link.key: link for link in after.all(Link)}
    lost = (resource for resource in before.all(kind) if (resource.kind, resource.key) not in after.index)
    return tuple(_owned(resource, links) for resource in lost)


def _change_route(objects: _Objects, key: RouteKey, change: Change[Resource]) -> None:
    """Create, delete or replace a route, as the kernel does among those of its key."""
    before, after = change.before, change.after
    there = tuple(objects.routes.get(key, ()))
    if isinstance(before, Route) and (after is None or change.place is not None) and before in there:
        at = there.index(before)
        there = there[:at] + there[at + 1 :]
    if isinstance(after, Route):
        there = _with(there, after, change)
    objects.routes[key] = there


def _with(there: tuple[Route, ...], route: Route, change: Change[Resource]) -> tuple[Route, ...]:
    if change.before is None or change.place is not None or not there:
        return inserted(there, route, change.place or Insertion.LAST)
    at = replaced(there, route)
    return (*there[:at], route, *there[at + 1 :])


def _change(objects: _Objects, resource: Resource, *, deleted: bool) -> None:
    there = objects[type(resource)]
    before = there.get(resource.key)
    if deleted:
        there.pop(resource.key, None)
    else:
        there[resource.key] = _owned(resource, objects[Link])
    if isinstance(resource, Link) and isinstance(before, Link):
        _change_link(objects, before, None if deleted else resource)
    if isinstance(resource, LinkAddress) and (deleted or (before is not None and before != resource)):
        others = (address for address in _addresses(objects) if address.key != resource.key)
        if version_of(resource) == 4 and resource.link not in {
            other.link for other in others if version_of(other) == 4
        }:
            _lose(objects, resource.link, _lost_when_down(), version=4)


def _change_link(objects: _Objects, before: Link, after: Link | None) -> None:
    """Do what the kernel does when a link is deleted, is replaced, goes down, or gets another link-layer address."""
    if after is None or not before.can_become(after):
        _lose(objects, before.name, _on_links())
        return
    if before.up and not after.up:
        _lose(objects, before.name, _lost_when_down())
        _lose(objects, before.name, (LinkAddress,), version=6)
    if after.mtu < IPV6_MTU_MIN <= before.mtu:
        _lose(objects, before.name, _on_links(), version=6)
    if before.lladdr != after.lladdr:
        _lose(objects, before.name, (Neighbour,))
    if before.ours != after.ours:
        _hand_over(objects)


def _lose(objects: _Objects, link: IfName, kinds: Iterable[type[Resource]], version: int | None = None) -> None:
    """Take away what stands on a link, all of it or what is of an IP version."""

    def stays(resource: Resource) -> bool:
        return link not in stands_on(resource) or version not in (None, version_of(resource))

    for kind in kinds:
        if kind is Route:
            left = {key: tuple(filter(stays, routes)) for key, routes in objects.routes.items()}
            objects.routes = {key: routes for key, routes in left.items() if routes}
        else:
            objects[kind] = {key: resource for key, resource in objects[kind].items() if stays(resource)}


def _on_links() -> Iterator[type[Resource]]:
    """Return the kinds whose objects are lost with the link that they stand on."""
    return (kind.value for kind in kinds() if kind.on_links is not None)


def _lost_when_down() -> Iterator[type[Resource]]:
    """Return what a link loses when it goes down, and of IPv4 with its last address; going up brings nothing back."""
    return (kind.value for kind in kinds() if kind.on_links is not None and kind.on_links.when_down)


def _hand_over(objects: _Objects) -> None:
    """Make what stands on a link ours, or no longer ours, with the link."""
    for kind in (kind.value for kind in kinds() if kind.on_links is not None and kind.on_links.owned):
        objects[kind] = {key: _owned(resource, objects[Link]) for key, resource in objects[kind].items()}


def _owned(resource: R, links: _Links) -> R:
    """Return an object that stands on a link as ours if the link is."""
    if not isinstance(resource, Struct) or not owned_by_link(resource):
        return resource
    link = next((links[name] for name in stands_on(resource) if name in links), None)
    return resource if link is None or link.ours == resource.ours else replace(resource, ours=link.ours)


def _addresses(objects: _Objects) -> Iterable[LinkAddress]:
    return (address for address in objects[LinkAddress].values() if isinstance(address, LinkAddress))


def _switch(objects: _Objects, resource: Resource) -> None:
    """Rewrite what the kernel rewrites when a parameter that switches others takes a new value."""
    sysctls = objects[Sysctl]
    if isinstance(resource, Sysctl) and resource.name in SWITCHES and sysctls.get(resource.key) != resource:
        settings = (sysctl for sysctl in sysctls.values() if isinstance(sysctl, Sysctl))
        objects[Sysctl] = {sysctl.key: sysctl for sysctl in rewritten(settings, resource)}


def blocked(changes: Iterable[Change[Resource]], obstacles: Iterable[Obstacle]) -> frozenset[Identity]:
    """Return which of the changed objects have to wait: those with an obstacle, and what depends on them.

    Nothing can stand on a link that can't be created; and while one can't, no link is deleted that it may replace.
    """
    changes = tuple(changes)
    stopped = {item for obstacle in obstacles for item in obstacle.objects}
    links = {change.resource.name for change in changes if isinstance(change.resource, Link) and _in(change, stopped)}
    if links:
        links |= {change.resource.name for change in changes if isinstance(change.resource, Link) and not change.after}
    stopped |= {(Link.kind, name) for name in links}
    return frozenset(
        identity(change.resource)
        for change in changes
        if _in(change, stopped) or not links.isdisjoint(stands_on(change.resource))
    )


def _in(change: Change[Resource], stopped: Collection[Identity]) -> bool:
    return identity(change.resource) in stopped
