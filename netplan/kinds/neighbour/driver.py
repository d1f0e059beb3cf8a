"""Permanent neighbours in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pyroute2 import IPRoute

from netplan.kinds.link.standing import write_on
from netplan.kinds.link.value import VXLAN, Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.net import Address, IfName, LinkLayerAddress
from netplan.resource import Change

_NUD_PERMANENT: Final = 0x80


def observe(netlink: IPRoute, links: Mapping[int, Link]) -> Iterator[Neighbour]:
    """Read the permanent IPv4 neighbours behind tunnels; `links` gives the devices by their indexes."""
    for index, link in links.items():
        if link.type == VXLAN:
            messages = netlink.get_neighbours(family=socket.AF_INET, ifindex=index)
            yield from (_neighbour(message, link) for message in messages if message["state"] & _NUD_PERMANENT)


def _neighbour(message: Any, link: Link) -> Neighbour:  # noqa: ANN401 - pyroute2's messages have no types
    address, lladdr = message.get_attr("NDA_DST"), message.get_attr("NDA_LLADDR")
    return Neighbour(link.name, Address.parse(address), LinkLayerAddress(lladdr), link.ours)


def write(netlink: IPRoute, indexes: Mapping[IfName, int], change: Change[Neighbour]) -> None:
    """Create, replace or delete one neighbour; one that the kernel has found out by itself gives way to it."""
    neighbour = change.resource

    def send(verb: str, index: int) -> None:
        address, lladdr = str(neighbour.address), neighbour.lladdr
        netlink.neigh(verb, ifindex=index, dst=address, lladdr=lladdr, state=_NUD_PERMANENT)

    write_on(neighbour.link, indexes, change, send)
