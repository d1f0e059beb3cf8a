"""Other programs' routes in the place of ours: why a plan can't be applied, and what to do about each.

One that stands behind ours carries no packet, and is a warning alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from netplan.desired.model import Desired
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.resource import Change, Reason, Resource
from netplan.kinds.route.order import by_key
from netplan.kinds.route.value import USUAL_METRIC, Route, RouteKey
from netplan.kinds.snapshot import Snapshot
from netplan.net import Prefix
from netplan.planning.adoption import replacing_routes
from netplan.planning.obstacles import Obstacle

_NAMED: Final = 3


def obstacles(desired: Desired, changes: Iterable[Change[Resource]], snapshot: Snapshot) -> Iterator[Obstacle]:
    """Return the foreign routes in the place of one of ours, as obstacles: the kernel would use either, or replace it.

    `changes` are those planned from the snapshot. A route that the kernel keeps for an address of a device is never
    adopted: it comes and goes with the address.
    """
    connected = {_place(route): route for route in snapshot.all(Route) if route.connected and not route.ours}
    others = _before_ours(desired, changes, snapshot)
    prefixes = {key.prefix for key in (*connected, *others)}
    for want in desired.wanted(Route) if prefixes else ():
        route = want.resource
        if route.prefix in prefixes:
            key = route.key
            if key in connected:
                yield Obstacle.before(_connected(route, want.reason, connected[key], desired, snapshot), [route])
            if key in others:
                yield Obstacle.before(_other(route, others[key][0]), [route])


def warnings(desired: Desired, changes: Iterable[Change[Resource]], snapshot: Snapshot) -> Iterator[str]:
    """Return a warning of each foreign route that stands behind one of ours."""
    others = _others(desired, snapshot, replacing_routes(desired, snapshot))
    behind = _behind_ours(desired, changes, snapshot, others)
    shadowed = [route for key, routes in others.items() if key in behind for route in routes]
    for route in shadowed[:_NAMED]:
        yield f"route {route} from {route.installer} stands behind ours: no packet goes by it as long as ours is there"
    if len(shadowed) > _NAMED:
        yield f"{len(shadowed) - _NAMED} more routes of other programs stand behind ours"


def occupied(desired: Desired, changes: Iterable[Change[Resource]], snapshot: Snapshot) -> bool:
    """Whether another program's route that is not adopted is in the place of one of ours."""
    others = _before_ours(desired, changes, snapshot)
    return bool(others) and any(route.key in others for route in desired.all(Route))


def _before_ours(
    desired: Desired, changes: Iterable[Change[Resource]], snapshot: Snapshot
) -> dict[RouteKey, list[Route]]:
    """Return other programs' routes, by their keys, that packets take or could take instead of ours."""
    others = _others(desired, snapshot, replacing_routes(desired, snapshot))
    behind = _behind_ours(desired, changes, snapshot, others)
    return {key: routes for key, routes in others.items() if key not in behind}


def _behind_ours(
    desired: Desired, changes: Iterable[Change[Resource]], snapshot: Snapshot, others: Collection[RouteKey]
) -> frozenset[RouteKey]:
    """Return the keys of which our route comes before those of other programs once the plan has been applied.

    Of IPv4 it takes the place of the first, where that may be changed; of IPv6 it must be the first already, and stay.
    """
    if not others:
        return frozenset()
    replacing = replacing_routes(desired, snapshot)
    changed = {change.resource.key for change in changes if isinstance(change.resource, Route)}

    def comes_first(key: RouteKey) -> bool:
        first = snapshot.routes[key][0]
        return first in replacing or first.ours if key.prefix.version == 4 else first.ours and key not in changed

    wanted = (route.key for route in desired.all(Route))
    return frozenset(key for key in wanted if key in others and comes_first(key))


def _others(desired: Desired, snapshot: Snapshot, replacing: Collection[Route]) -> dict[RouteKey, list[Route]]:
    """Return foreign routes, by their keys, that no plan changes and that the kernel does not keep for an address."""
    if desired.adopts:
        return {}
    routes = (route for route in snapshot.all(Route) if not route.ours and not route.connected)
    return by_key(route for route in routes if route not in replacing)


def _place(connected: Route) -> RouteKey:
    """Return the key of the routes that a connected one goes before: its metric is less than that of others of IPv6."""
    usual = USUAL_METRIC[connected.prefix.version]
    return replace(connected.key, metric=usual) if connected.metric < usual else connected.key


def _connected(wanted: Route, reason: Reason, route: Route, desired: Desired, snapshot: Snapshot) -> str:
    on_link = next((address for address in snapshot.all(LinkAddress) if _makes(address, route)), None)
    if on_link is None:
        return f"route {wanted} conflicts with {route} from {route.installer}: take that address off {route.oif}"
    own, peer = _subnet(desired, route.prefix.version), _peer(desired, wanted.prefix)
    if own is None or peer is None:
        return (
            f"route {wanted} ({reason.text}) conflicts with {on_link.address} on {on_link.link}: leave one of them out"
        )
    return (
        f"{on_link.link} holds {on_link.address}, the subnet of {peer}; this node's is {own}: give {on_link.link} an "
        f"address of {own}, and take the other off: ip address del {on_link.address} dev {on_link.link}"
    )


def _makes(address: LinkAddress, connected: Route) -> bool:
    return address.link == connected.oif and address.address.prefix == connected.prefix


def _subnet(desired: Desired, version: int) -> Prefix | None:
    return next((traffic.subnet for traffic in desired.reported_traffic if traffic.version == version), None)


def _peer(desired: Desired, subnet: Prefix) -> str | None:
    """Return the name of the other node whose subnet this is."""
    nodes = (node for traffic in desired.reported_traffic for node in traffic.nodes if node.name != desired.node)
    return next((node.name for node in nodes if subnet in node.subnets), None)


def _other(wanted: Route, route: Route) -> str:
    return (
        f"route {wanted} conflicts with {route} from {route.installer}; "
        f"adopt it (backend: adopt: true), or take it away first: ip route del {route}"
    )
