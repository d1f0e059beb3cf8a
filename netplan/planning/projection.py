"""The state after a plan, worked out without a kernel, with what the kernel does by itself to what stands on a link."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias, TypeVar

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
            before, after = change.before, change.after
            if isinstance(before, PlacedRule | None) and isinstance(after, PlacedRule | None):
                placed.setdefault(resource.chain, []).append(Change(before, after, change.reason))
        elif isinstance(resource, Route):
            _change_route(objects, resource.key, change)
        else:
            _switch(objects, resource)
            _change(objects, resource, gone=change.after is None)
    for key, edits in placed.items():
        objects[Chain][key] = edited(snapshot.chains.get(key, Chain(key, policy="ACCEPT")), edits)
    return Snapshot(snapshot.backend, {kind: objects.all(kind) for kind in values()}, snapshot.ipv6, snapshot.sockets)


def after_updates(snapshot: Snapshot, changes: Iterable[Change[Resource]]) -> Snapshot:
    """Return snapshot after the updates of links and addresses among the changes: what a replaced link loses is gone.

    What stands on a link that goes is still there, to be deleted or moved before it.
    """
    updates = [change for change in changes if change.before is not None and change.after is not None]
    below = [change for change in updates if isinstance(change.after, Link | LinkAddress)]
    return project(snapshot, below) if below else snapshot


def lost(kind: type[R], before: Snapshot, after: Snapshot) -> tuple[R, ...]:
    """Return objects of a kind that `after_updates` took away, ours if they went from a link that is ours by then."""
    if after is before:
        return ()
    if kind is Route:
        stay = {*after.all(kind)}
        return tuple(each for each in before.all(kind) if each not in stay)
    links: _Links = {link.key: link for link in after.all(Link)}
    return tuple(_owned(each, links) for each in before.all(kind) if (each.kind, each.key) not in after.index)


def _change_route(objects: _Objects, key: RouteKey, change: Change[Resource]) -> None:
    """Let a route come, go, or take the place of another, as the kernel does among those of its key."""
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


def _change(objects: _Objects, resource: Resource, *, gone: bool) -> None:
    there = objects[type(resource)]
    before = there.get(resource.key)
    if gone:
        there.pop(resource.key, None)
    else:
        there[resource.key] = _owned(resource, objects[Link])
    if isinstance(resource, Link) and isinstance(before, Link):
        _change_link(objects, before, None if gone else resource)
    if isinstance(resource, LinkAddress) and (gone or (before is not None and before != resource)):
        others = {each.link for each in _held(objects) if each.key != resource.key and version_of(each) == 4}
        if version_of(resource) == 4 and resource.link not in others:
            _lose(objects, resource.link, _lost_when_down(), version=4)


def _change_link(objects: _Objects, before: Link, after: Link | None) -> None:
    """Do what the kernel does when a link goes, is replaced, goes down, or gets another link-layer address."""
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
            objects[kind] = {key: each for key, each in objects[kind].items() if stays(each)}


def _on_links() -> Iterator[type[Resource]]:
    """Return the kinds whose objects go with the link that they stand on."""
    return (kind.value for kind in kinds() if kind.on_links is not None)


def _lost_when_down() -> Iterator[type[Resource]]:
    """Return what a link loses when it goes down, and of IPv4 with its last address; when it is up nothing is back."""
    return (kind.value for kind in kinds() if kind.on_links is not None and kind.on_links.when_down)


def _hand_over(objects: _Objects) -> None:
    """Make what stands on a link ours, or no longer ours, with the link."""
    for kind in (kind.value for kind in kinds() if kind.on_links is not None and kind.on_links.owned):
        objects[kind] = {key: _owned(each, objects[Link]) for key, each in objects[kind].items()}


def _owned(resource: R, links: _Links) -> R:
    """Return an object that stands on a link as ours if the link is."""
    if not isinstance(resource, Struct) or not owned_by_link(resource):
        return resource
    link = next((links[name] for name in stands_on(resource) if name in links), None)
    return resource if link is None or link.ours == resource.ours else replace(resource, ours=link.ours)


def _held(objects: _Objects) -> Iterable[LinkAddress]:
    return (each for each in objects[LinkAddress].values() if isinstance(each, LinkAddress))


def _switch(objects: _Objects, resource: Resource) -> None:
    """Rewrite what the kernel rewrites when a parameter that switches others takes a new value."""
    found = objects[Sysctl]
    if isinstance(resource, Sysctl) and resource.name in SWITCHES and found.get(resource.key) != resource:
        settings = (each for each in found.values() if isinstance(each, Sysctl))
        objects[Sysctl] = {each.key: each for each in rewritten(settings, resource)}


def blocked(changes: Iterable[Change[Resource]], obstacles: Iterable[Obstacle]) -> frozenset[Identity]:
    """Return which of the objects that are changed have to wait: those with an obstacle, and what depends on them.

    Nothing can stand on a link that can't come; and as long as one can't, no link goes that it may be there for.
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
