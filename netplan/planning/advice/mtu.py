"""Whether packets of pods fit into the devices that lead to their peers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netplan.desired.model import Desired
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.net import IfName
from netplan.planning.advice.case import Case


def warn_of_mtu(case: Case) -> Iterator[str]:
    """Say which packets will be dropped on their way to the peers."""
    desired, snapshot = case.desired, case.snapshot
    mtus = {link.name: link.mtu for link in snapshot.all(Link)}
    paths = mtus | {tunnel.name: tunnel.mtu for tunnel in desired.all(Link)}
    for oif, versions in _devices_to_peers(desired).items():
        if oif in paths:
            yield from _narrow(oif, paths[oif], versions, desired.traffic[0].bridge, mtus)


def _devices_to_peers(desired: Desired) -> dict[IfName, set[int]]:
    """Return the devices by which pods of peers are reached, with the IP versions that each is for."""
    networks = {traffic.network for traffic in desired.traffic}
    devices: dict[IfName, set[int]] = {}
    for route in desired.all(Route):
        oif, version = route.oif, route.prefix.version
        if oif is None or version in devices.get(oif, ()):
            continue
        if any(network.covers(route.prefix) for network in networks):
            devices.setdefault(oif, set()).add(version)
    return devices


def _narrow(oif: IfName, mtu: int, versions: set[int], bridge: IfName, mtus: Mapping[IfName, int]) -> Iterator[str]:
    """Name a bridge that lets in larger packets than a device carries: only the sender fragments those of IPv6."""
    if mtus.get(bridge, 0) <= mtu:
        return
    both = "packets of IPv6 or with DF"
    packets = {4: "packets with DF", 6: "packets"}[min(versions)] if len(versions) == 1 else both
    others = ", and others are fragmented" if 4 in versions else ""
    yield (
        f"{packets} larger than {mtu} from bridge {bridge} ({mtus[bridge]}) are dropped before {oif}{others}: "
        f"give {bridge} and the pods an MTU of {mtu}"
    )
