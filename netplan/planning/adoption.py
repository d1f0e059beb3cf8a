"""What podnet takes over from other programs: routes in the place of its own, and with `adopt` what the spec names.

The latter is another program's link with the desired name, and what stands on that link.
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
    """Return other programs' links that become ours: they have the desired names, and can become what is desired."""
    if not desired.adopts:
        return frozenset()
    foreign = {link.name: link for link in snapshot.all(Link) if not link.ours}
    return frozenset(
        link.name for link in desired.all(Link) if link.name in foreign and foreign[link.name].can_become(link)
    )


def replacing_routes(desired: Desired, snapshot: Snapshot) -> frozenset[Route]:
    """Return other programs' routes that packets take instead of a desired one, where podnet had its own before."""
    wanted = (route.key for route in desired.all(Route))
    places = (snapshot.routes.get(key, ()) for key in wanted if key in desired.applied) if desired.applied else ()
    first = (there[0] for there in places if there and not any(route.ours for route in there))
    return frozenset(route for route in first if not route.connected)


def adopter(desired: Desired, snapshot: Snapshot) -> Callable[[Resource], bool]:
    """Return the test whether another program's object becomes ours, or is deleted because its link becomes ours.

    These are links, routes to desired prefixes, and all routes over an adopted link, except those that the kernel keeps
    for addresses of devices; and routes that replaced podnet's.
    """
    links, replacing = adopted_links(desired, snapshot), replacing_routes(desired, snapshot)
    routes = {route.key for route in desired.all(Route)} if desired.adopts else set()

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
    """Return one obstacle for each foreign link that stands in the way of ours, with what to do about it."""
    adopted = adopted_links(desired, snapshot)
    foreign = [link for link in snapshot.all(Link) if not link.ours and link.name not in adopted]
    for wanted in desired.all(Link):
        conflicting = (link for link in foreign if _in_the_way(wanted, link))
        yield from (Obstacle.before(_obstacle_text(wanted, link, desired), [wanted]) for link in conflicting)


def _in_the_way(wanted: Link, link: Link) -> bool:
    return link.name == wanted.name or link.excludes(wanted)


def _obstacle_text(wanted: Link, link: Link, desired: Desired) -> str:
    away = f"take that away first: ip link del {link.name}"
    if link.name != wanted.name:
        over = f"adopt it (backend: name: {link.name}, adopt: true)"
        return f"link {wanted} can't be made beside {link}, which is {link.installer}; {over}, or {away}"
    if link.type != VXLAN:
        return f"link {wanted} can't be made: {link.name} is another device; choose another name (backend: name)"
    if desired.adopts:
        return f"link {link}, which is {link.installer}, can't become {wanted}; write it so in the spec, or {away}"
    return f"there is a link {link} already, which is {link.installer}; adopt it (backend: adopt: true), or {away}"
