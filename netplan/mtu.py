"""Whether packets fit: what the spec says of MTUs, held against those that a node's devices have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netplan.compile import Desired
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.net import IfName
from netplan.snapshot import Snapshot


def warnings(desired: Desired, snapshot: Snapshot) -> Iterator[str]:
    """Say what will be dropped on its way into the tunnel, and why a tunnel can't be made."""
    mtus = {link.name: link.mtu for link in snapshot.all(Link)}
    ways = {want.resource.oif for want in desired.objects if isinstance(want.resource, Route)}
    for want in desired.objects:
        if isinstance(want.resource, Link):
            yield from _wide(want.resource, mtus)
            if desired.traffic and want.resource.name in ways:
                yield from _narrow(want.resource, mtus, desired.traffic[0].bridge)


def _narrow(tunnel: Link, mtus: Mapping[IfName, int], bridge: IfName) -> Iterator[str]:
    if mtus.get(bridge, 0) > tunnel.mtu:
        yield (
            f"packets with DF larger than {tunnel.mtu} from bridge {bridge} ({mtus[bridge]}) are dropped before "
            f"{tunnel.name}, and others are fragmented: give {bridge} and the pods an MTU of {tunnel.mtu}"
        )


def _wide(tunnel: Link, mtus: Mapping[IfName, int]) -> Iterator[str]:
    device = None if tunnel.vxlan is None else tunnel.vxlan.device
    if tunnel.vxlan is None or device is None or device not in mtus:
        return
    overhead = tunnel.vxlan.overhead
    room = mtus[device] - overhead
    if tunnel.mtu > room:
        yield (
            f"the kernel will refuse {tunnel.name} the MTU {tunnel.mtu}: {device} carries {room + overhead}, and the "
            f"tunnel needs {overhead} itself; write mtu: {room + overhead} for this node, or backend: mtu: {room}"
        )
