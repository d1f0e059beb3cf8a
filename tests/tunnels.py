"""Tunnels and what stands on them, for tests; by default those of node a, 10.4.7.21 with 172.7.21.0/24."""

from __future__ import annotations

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link, Vxlan
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.route.value import Route
from netplan.net import Address, IfName, InterfaceAddress, LinkLayerAddress, Prefix

MAC = "0e:2a:0a:04:07:15"
PEER_MAC = "0e:2a:0a:04:07:16"


def link(
    name="podnet.1",
    *,
    vni=1,
    port=8472,
    local="10.4.7.21",
    device="eth0",
    learning=False,
    mtu=1450,
    mac=MAC,
    up=True,
    alias="podnet",
    exclusive=False,
) -> Link:
    """Make a VXLAN device, one of ours by default."""
    vxlan = Vxlan(vni, port, Address.parse(local), IfName(device), learning, exclusive)
    return Link(IfName(name), mtu, up, alias, "vxlan", LinkLayerAddress(mac), vxlan)


def address(text="172.7.21.0/32", device="podnet.1", *, ours=True) -> LinkAddress:
    """Make an address of a tunnel."""
    return LinkAddress(IfName(device), InterfaceAddress.parse(text), ours=ours)


def neighbour(text="172.7.22.0", mac=PEER_MAC, device="podnet.1", *, ours=True) -> Neighbour:
    """Make a neighbour behind a tunnel."""
    return Neighbour(IfName(device), Address.parse(text), LinkLayerAddress(mac), ours)


def fdb(mac=PEER_MAC, dst="10.4.7.22", device="podnet.1", *, ours=True) -> FdbEntry:
    """Make an entry of a tunnel's forwarding database."""
    return FdbEntry(IfName(device), LinkLayerAddress(mac), Address.parse(dst), ours=ours)


def route(prefix="172.7.22.0/24", device="podnet.1", *, onlink=True, protocol=112) -> Route:
    """Make a route through a tunnel, to the first address of its prefix."""
    parsed = Prefix.parse(prefix)
    return Route(parsed, IfName(device), parsed.address, protocol=protocol, onlink=onlink)
