"""Addresses of network devices in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping

from pyroute2 import IPRoute

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.standing import write_on
from netplan.kinds.link.value import Link
from netplan.net import IfName, InterfaceAddress
from netplan.resource import Change


def observe(netlink: IPRoute, links: Mapping[int, Link]) -> Iterator[LinkAddress]:
    """Read every IPv4 address of the network namespace; `links` gives the devices by their indexes."""
    for message in netlink.get_addr(family=socket.AF_INET):
        text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
        address = InterfaceAddress.parse(f"{text}/{message['prefixlen']}")
        link = links[message["index"]]
        yield LinkAddress(link.name, address, message["scope"], link.ours)


def write(netlink: IPRoute, indexes: Mapping[IfName, int], change: Change[LinkAddress]) -> None:
    """Give a device an address, or take one away; the kernel replaces no scope, so that such an address goes first."""
    held = change.resource

    def send(verb: str, index: int) -> None:
        address = str(held.address.address)
        if change.before is not None and change.after is not None:
            netlink.addr("del", index=index, address=address, prefixlen=held.address.length)
        netlink.addr(verb, index=index, address=address, prefixlen=held.address.length, scope=held.scope)

    write_on(held.link, indexes, change, send)
