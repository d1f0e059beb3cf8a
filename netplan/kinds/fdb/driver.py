"""Forwarding databases of tunnels in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pyroute2 import IPRoute

from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.standing import write_on
from netplan.kinds.link.value import VXLAN, Link
from netplan.net import Address, IfName, LinkLayerAddress
from netplan.resource import Change

_NUD_PERMANENT: Final = 0x80
_NTF_SELF: Final = 0x02
_OPTIONS: Final = {"NDA_PORT": "port", "NDA_VNI": "vni", "NDA_SRC_VNI": "src_vni", "NDA_IFINDEX": "via"}


def observe(netlink: IPRoute, links: Mapping[int, Link]) -> Iterator[FdbEntry]:
    """Read the entries of tunnels that lead to a host and stay; `links` gives the devices by their indexes."""
    for index, link in links.items():
        if link.type == VXLAN:
            for message in netlink.fdb("dump", ifindex=index):
                if message["state"] & _NUD_PERMANENT and message.get_attr("NDA_DST") is not None:
                    yield _entry(message, link)


def _entry(message: Any, link: Link) -> FdbEntry:  # noqa: ANN401 - pyroute2's messages have no types
    found = ((name, message.get_attr(attribute)) for attribute, name in _OPTIONS.items())
    return FdbEntry(
        link=link.name,
        lladdr=LinkLayerAddress(message.get_attr("NDA_LLADDR")),
        dst=Address.parse(message.get_attr("NDA_DST")),
        options=tuple(f"{name} {value}" for name, value in found if value is not None),
        ours=link.ours,
    )


def write(netlink: IPRoute, indexes: Mapping[IfName, int], change: Change[FdbEntry]) -> None:
    """Create, replace or delete one entry, whatever it says if it goes."""
    entry = change.resource
    says = {} if change.after is None else {"dst": str(entry.dst)}

    def send(verb: str, index: int) -> None:
        lladdr, state = entry.lladdr, _NUD_PERMANENT
        netlink.neigh(verb, family=socket.AF_BRIDGE, ifindex=index, lladdr=lladdr, state=state, flags=_NTF_SELF, **says)

    write_on(entry.link, indexes, change, send)
