"""A node on which nothing has run yet: its devices, its addresses, and the routes that come with them."""

from __future__ import annotations

from typing import Final

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Backend
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import InterfaceAddress, Prefix
from netplan.snapshot import Snapshot
from netplan.topology import Node
from netplan.trace import BRIDGE_CALLS, settings_of

_MTU: Final = 1500
_KERNEL: Final = 2
_BOOT: Final = 3
_DEFAULT: Final = Prefix(4, 0, 0)


def bare(node: Node, backend: Backend | None) -> Snapshot:
    """Give the state of a node as its spec describes it, before podnet or anybody else made a rule.

    How it reaches the outside is in no spec: here by the interface, as if everybody were on-link.
    """
    gateway = InterfaceAddress(node.subnet.host(1), node.subnet.length)
    devices = (node.interface, node.bridge)
    return Snapshot.of(
        backend or Backend.NFT,
        [
            Link(node.interface, _MTU, up=True),
            Link(node.bridge, _MTU, up=True, type="bridge"),
            LinkAddress(node.interface, node.address),
            LinkAddress(node.bridge, gateway),
            *(Sysctl(name, "0") for device in ("all", *devices) for name in settings_of(device)),
            Sysctl(BRIDGE_CALLS, "0"),
            Route(node.segment, node.interface, protocol=_KERNEL, prefsrc=node.address.address),
            Route(node.subnet, node.bridge, protocol=_KERNEL, prefsrc=gateway.address),
            Route(_DEFAULT, node.interface, protocol=_BOOT),
        ],
    )
