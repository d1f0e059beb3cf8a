"""Topologies for tests; what a test does not name does not matter to it."""

from __future__ import annotations

import itertools
import os
from typing import Final

from netplan.errors import Location
from netplan.net import Address, InterfaceAddress, Prefix, if_name
from netplan.spec.topology import Node, Topology

_serial: Final = itertools.count(1)


def node(
    name: str = "n1",
    address: str = "10.4.7.1/24",
    subnet: str = "172.7.1.0/24",
    *,
    interface: str = "eth0",
    bridge: str = "docker0",
    mtu: int = 1500,
    public_address: str | None = None,
) -> Node:
    """Make a node."""
    return Node(
        name,
        (InterfaceAddress.parse(address),),
        (Prefix.parse(subnet),),
        if_name(interface),
        if_name(bridge),
        Location("spec.yaml", 1, 1),
        mtu,
        None if public_address is None else Address.parse(public_address),
    )


def topology(*nodes: Node, cluster: str = "", network: str = "172.7.0.0/16") -> Topology:
    """Make a cluster; its name is one that no other test and no other run of the tests has."""
    return Topology(cluster or f"test-{os.getpid()}-{next(_serial)}", (Prefix.parse(network),), nodes)


def two_nodes() -> Topology:
    """Make n1 and n2, on one segment."""
    return topology(node(), node("n2", "10.4.7.2/24", "172.7.2.0/24"))


def two_segments() -> Topology:
    """Make n1 and n2 on one segment and n3 on another."""
    return topology(*two_nodes().nodes, node("n3", "10.4.8.3/24", "172.7.3.0/24"))
