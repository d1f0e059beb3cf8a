"""A node on which nothing has run yet: its devices, its addresses, and the routes that come with them."""

from __future__ import annotations

from typing import Final

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Backend
from netplan.kinds.link.value import BRIDGE, Link
from netplan.kinds.route.value import KERNEL, Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Prefix
from netplan.spec.topology import Node
from netplan.trace import BRIDGE_CALLS, settings_of

_BOOT: Final = 3


def fresh_node(node: Node, backend: Backend | None) -> Snapshot:
    """Give the state of a node as its spec describes it, before podnet or anybody else made a rule.

    How it reaches the outside is in no spec: here by the interface, as if everybody were on-link.
    """
    devices = (node.interface, node.bridge)
    return Snapshot.of(
        backend or Backend.NFT,
        [
            Link(node.interface, node.mtu, up=True),
            Link(node.bridge, node.mtu, up=True, type=BRIDGE),
            *held_by(node),
            *(Sysctl(name, "0") for device in ("all", *devices) for name in settings_of(device)),
            *(Sysctl(name, "0") for name in BRIDGE_CALLS.values()),
            *(Route(each.prefix, node.interface, protocol=KERNEL, prefsrc=each.address) for each in node.addresses),
            *(_to_pods(node, subnet) for subnet in node.subnets),
            *(Route(Prefix(version, 0, 0), node.interface, protocol=_BOOT) for version in _versions(node)),
        ],
    )


def held_by(node: Node) -> tuple[LinkAddress, ...]:
    """Give the addresses that such a node has."""
    return (
        *(LinkAddress(node.interface, address) for address in node.addresses),
        *(LinkAddress(node.bridge, node.gateway(subnet)) for subnet in node.subnets),
    )


def _to_pods(node: Node, subnet: Prefix) -> Route:
    return Route(subnet, node.bridge, protocol=KERNEL, prefsrc=node.gateway(subnet).address)


def _versions(node: Node) -> tuple[int, ...]:
    """Give the IP versions that the node or its pods have addresses of."""
    return tuple(sorted({*(each.address.version for each in node.addresses), *(each.version for each in node.subnets)}))
