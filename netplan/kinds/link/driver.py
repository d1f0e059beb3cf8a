"""Network devices and their addresses in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Final

from pyroute2 import IPRoute

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.net import IfName, InterfaceAddress

_IFF_UP: Final = 0x1


def observe(netlink: IPRoute) -> dict[int, Link]:
    """Read every device of the network namespace, by its index."""
    found = {}
    for message in netlink.get_links():
        name, mtu, alias = (message.get_attr(f"IFLA_{attribute}") for attribute in ("IFNAME", "MTU", "IFALIAS"))
        type_ = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or ""
        found[message["index"]] = Link(IfName(name), int(mtu), bool(message["flags"] & _IFF_UP), alias or "", type_)
    return found


def observe_addresses(netlink: IPRoute, links: Mapping[int, Link]) -> Iterator[LinkAddress]:
    """Read every IPv4 address of the network namespace; `links` gives the devices by their indexes."""
    for message in netlink.get_addr(family=socket.AF_INET):
        text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
        address = InterfaceAddress.parse(f"{text}/{message['prefixlen']}")
        yield LinkAddress(links[message["index"]].name, address, message["scope"])
