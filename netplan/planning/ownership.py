"""Whether a saved plan changes what is podnet's: the kernel's own objects are asked, and nothing that the file says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from netplan.kinds.link.value import Link
from netplan.kinds.registry import owned_by_link, stands_on
from netplan.kinds.resource import Change, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import IfName


def foreign(
    changes: Iterable[Change[Resource]], now: Snapshot, *, adopts: bool, puts_back: bool = False
) -> Iterator[Resource]:
    """Yield the objects of other programs that a plan changes and may not, as they are now.

    What stands on a link is podnet's if the link is, or becomes so by the plan. Chains and rules are known by their
    own names and comments, and sysctls belong to no program. `adopts` and `puts_back` are the plan's: of others it may
    take links and routes, or the routes that replaced ours.
    """
    changes = tuple(changes)
    links = {link.name: link for link in now.all(Link)}
    becoming = {
        change.after.name
        for change in changes
        if isinstance(change.after, Link) and change.after.ours and (adopts or change.after.name not in links)
    }
    for change in changes:
        resource = change.resource
        if owned_by_link(resource):
            if not any(name in becoming or _ours(links, name) for name in stands_on(resource) if name is not None):
                yield now.index.get((resource.kind, resource.key), resource)
        elif isinstance(resource, Link):
            if resource.name not in becoming and not _ours(links, resource.name) and resource.name in links:
                yield links[resource.name]
        elif isinstance(resource, Route):
            taken = change.after is not None and change.after.ours and (adopts or puts_back)
            along = change.after is None and resource.oif in becoming
            yield from _routes(change, now.routes.get(resource.key, ()), allowed=taken or along)


def _routes(change: Change[Resource], present: Sequence[Route], *, allowed: bool) -> Iterator[Route]:
    """Yield the route of others that a change is about; of one that is not there, what else has its place."""
    if change.before in present:
        named = next(route for route in present if route == change.before)
        if not named.ours and not allowed:
            yield named
    else:
        yield from [route for route in present if not route.ours][:1]


def _ours(links: Mapping[IfName, Link], name: IfName) -> bool:
    return name in links and links[name].ours
