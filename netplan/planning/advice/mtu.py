"""Whether packets of pods fit into what leads to their peers, on the devices that a node has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netplan.desired.model import Desired
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.net import IfName
from netplan.planning.advice.case import Case


def warn_of_mtu(case: Case) -> Iterator[str]:
    """Say what will be dropped on its way to the peers."""
    desired, snapshot = case.desired, case.snapshot
    found = {link.name: link.mtu for link in snapshot.all(Link)}
    tunnels = [want.resource for want in desired.objects if isinstance(want.resource, Link)]
    paths = found | {tunnel.name: tunnel.mtu for tunnel in tunnels}
    for oif, versions in _ways(desired).items():
        if oif in paths:
            yield from _narrow(oif, paths[oif], versions, desired.traffic[0].bridge, found)


def _ways(desired: Desired) -> dict[IfName, set[int]]:
    """Return the devices by which pods of peers are reached, and the IP versions of these."""
    networks = {traffic.network for traffic in desired.traffic}
    ways: dict[IfName, set[int]] = {}
    for want in desired.objects:
        route = want.resource
        if isinstance(route, Route) and route.oif and any(network.covers(route.prefix) for network in networks):
            ways.setdefault(route.oif, set()).add(route.prefix.version)
    return ways


def _narrow(oif: IfName, mtu: int, versions: set[int], bridge: IfName, found: Mapping[IfName, int]) -> Iterator[str]:
    """Name a bridge that lets larger packets in than a way carries: no router but the sender splits those of IPv6."""
    if found.get(bridge, 0) <= mtu:
        return
    whose = {4: "packets with DF", 6: "packets"}[min(versions)] if len(versions) == 1 else "packets of IPv6 or with DF"
    others = ", and others are fragmented" if 4 in versions else ""
    yield (
        f"{whose} larger than {mtu} from bridge {bridge} ({found[bridge]}) are dropped before {oif}{others}: "
        f"give {bridge} and the pods an MTU of {mtu}"
    )
