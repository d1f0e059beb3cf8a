"""What is taken over from other programs: routes in the place of podnet's, and what a spec with `adopt` says.

That is their link of the wanted name, and what stands on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netplan.desired.model import Desired
from netplan.kinds.link.value import VXLAN, Link
from netplan.kinds.resource import Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import IfName
from netplan.planning.obstacles import Obstacle


def adopted_links(desired: Desired, snapshot: Snapshot) -> frozenset[IfName]:
    """Return links of others that become ours: they have the wanted names, and can be changed into what is wanted."""
    if not desired.adopts:
        return frozenset()
    foreign = {link.name: link for link in snapshot.all(Link) if not link.ours}
    wanted = [want.resource for want in desired.objects if isinstance(want.resource, Link)]
    return frozenset(link.name for link in wanted if link.name in foreign and foreign[link.name].can_become(link))


def replacing_routes(desired: Desired, snapshot: Snapshot) -> frozenset[Route]:
    """Return the routes of others by which packets go instead of one that is wanted, and that podnet had there."""
    wanted = (want.resource.key for want in desired.objects if isinstance(want.resource, Route))
    places = (snapshot.routes.get(key, ()) for key in wanted if key in desired.applied) if desired.applied else ()
    first = (there[0] for there in places if there and not any(route.ours for route in there))
    return frozenset(route for route in first if not route.connected)


def adopter(desired: Desired, snapshot: Snapshot) -> Callable[[Resource], bool]:
    """Make the test whether an object of others becomes ours, or goes since its link does.

    These are links, routes to wanted prefixes, and whatever routes lead over an adopted link, but for those that the
    kernel keeps itself for addresses of devices; and routes that replaced podnet's.
    """
    links, replacing = adopted_links(desired, snapshot), replacing_routes(desired, snapshot)
    objects = desired.objects if desired.adopts else ()
    routes = {want.resource.key for want in objects if isinstance(want.resource, Route)}

    def adopts(resource: Resource) -> bool:
        if isinstance(resource, Link):
            return resource.name in links
        if not isinstance(resource, Route) or resource.connected:
            return False
        if replacing and resource in replacing:
            return True
        return resource.oif in links or (bool(routes) and resource.key in routes)

    return adopts


def obstacles(desired: Desired, snapshot: Snapshot) -> Iterator[Obstacle]:
    """Name the foreign links that stand in the way of ours, and what to do about each."""
    adopted = adopted_links(desired, snapshot)
    foreign = [link for link in snapshot.all(Link) if not link.ours and link.name not in adopted]
    for want in desired.objects if foreign else ():
        if isinstance(want.resource, Link):
            texts = (_told(want.resource, link, desired) for link in foreign if _in_the_way(want.resource, link))
            yield from (Obstacle.before(text, [want.resource]) for text in texts)


def _in_the_way(wanted: Link, link: Link) -> bool:
    return link.name == wanted.name or link.excludes(wanted)


def _told(wanted: Link, link: Link, desired: Desired) -> str:
    away = f"take that away first: ip link del {link.name}"
    if link.name != wanted.name:
        over = f"adopt it (backend: name: {link.name}, adopt: true)"
        return f"link {wanted} can't be made beside {link}, which is {link.installer}; {over}, or {away}"
    if link.type != VXLAN:
        return f"link {wanted} can't be made: {link.name} is another device; choose another name (backend: name)"
    if desired.adopts:
        return f"link {link}, which is {link.installer}, can't become {wanted}; write it so in the spec, or {away}"
    return f"there is a link {link} already, which is {link.installer}; adopt it (backend: adopt: true), or {away}"
