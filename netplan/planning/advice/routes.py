"""Other programs' routes beside ours, and those that are lost when the node begins to forward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netplan.kinds.link.value import Link
from netplan.kinds.route.value import ANNOUNCED, MAIN_TABLE, Route
from netplan.kinds.sysctl.forwarding import IPV6_FORWARD
from netplan.kinds.sysctl.value import Sysctl, accept_ra
from netplan.net import Prefix
from netplan.planning import route_conflicts
from netplan.planning.advice.case import Case
from netplan.planning.obstacles import Obstacle

_NAMED: Final = 3
_ANYWHERE: Final = Prefix(6, 0, 0)


def refuse_conflicts(case: Case) -> Iterator[Obstacle]:
    """Name the foreign routes in the place of one of ours."""
    return route_conflicts.obstacles(case.desired, case.changes, case.snapshot)


def warn_of_routes_behind(case: Case) -> Iterator[str]:
    """Name the foreign routes that stand behind ours."""
    return route_conflicts.warnings(case.desired, case.changes, case.snapshot)


def warn_of_routes_to_parts(case: Case) -> Iterator[str]:
    """Name the foreign routes to parts of the prefix of a route of ours: for those packets the kernel takes them.

    The route that the kernel makes to the IPv6 address of our own tunnel is not one of them.
    """
    ours = {route.prefix for route in case.desired.all(Route)}
    lengths = sorted({prefix.length for prefix in ours})
    own = {link.name for link in case.snapshot.all(Link) if link.ours}
    messages: list[str] = []
    for route in case.snapshot.all(Route):
        if not route.ours and route.table == MAIN_TABLE and route.oif not in own:
            wider = (route.prefix.within(length) for length in lengths if length < route.prefix.length)
            whole = next((prefix for prefix in wider if prefix in ours), None)
            if whole is not None:
                messages.append(f"route {route} from {route.installer} takes its part of {whole} away from our route")
    yield from messages[:_NAMED]
    if len(messages) > _NAMED:
        yield f"{len(messages) - _NAMED} more routes take parts of other nodes' subnets away from ours"


def warn_of_announced_routes(case: Case) -> Iterator[str]:
    """Name the default routes that a router announced, and that the kernel drops as it begins to forward IPv6."""
    after = {change.after.name: change.after.value for change in case.changes if isinstance(change.after, Sysctl)}
    if after.get(IPV6_FORWARD, "0") == "0":
        return
    values = {sysctl.name: sysctl.value for sysctl in case.snapshot.all(Sysctl)} | after
    for route in case.snapshot.all(Route):
        device = route.oif
        announced = route.protocol == ANNOUNCED and route.prefix == _ANYWHERE and device is not None
        if announced and device is not None and values.get(accept_ra(device)) != "2":
            yield (
                f"the default route {route} was announced by a router, and goes as {IPV6_FORWARD} becomes 1: "
                f"write sysctl: {{{accept_ra(device)}: 2}} to keep it"
            )
