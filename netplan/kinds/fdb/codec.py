"""Entries of forwarding databases as messages of rtnetlink(7)."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final

from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link
from netplan.net import LinkLayerAddress
from netplan.system.netlink.route import NEIGHBOUR, Message, address, deleting, making, u32
from netplan.system.netlink.wire import CREATE, REPLACE, Attributes, Request, attribute

# NDA_*, NUD_* and NTF_*, linux/neighbour.h
_DST: Final = 1
_LLADDR: Final = 2
_PORT: Final = 6
_NUMBERS: Final = {7: "vni", 11: "src_vni", 8: "via"}
_PERMANENT: Final = 0x80
_SELF: Final = 0x02


def dump_request(index: int) -> tuple[int, ...]:
    """Return the fields of the message that asks for the entries of a device."""
    return (socket.AF_BRIDGE, index, 0, 0, 0)


def decode(message: Message, links: Mapping[int, Link]) -> FdbEntry | None:
    """Read an entry if it leads to a host and stays; `links` gives the devices by their indexes."""
    _, index, state, _, _ = message.fields
    attributes = message.attributes
    if not state & _PERMANENT or index not in links or _DST not in attributes or _LLADDR not in attributes:
        return None
    link, lladdr = links[index], LinkLayerAddress(attributes[_LLADDR].hex(":"))
    return FdbEntry(link.name, lladdr, address(attributes[_DST]), _options(attributes), link.ours)


def _options(attributes: Attributes) -> tuple[str, ...]:
    port = [f"port {int.from_bytes(attributes[_PORT], 'big')}"] if _PORT in attributes else []
    return (*port, *(f"{name} {u32(attributes[number])}" for number, name in _NUMBERS.items() if number in attributes))


def encode_new(entry: FdbEntry, index: int) -> Request:
    """Return the request that makes an entry, or replaces it."""
    content = _lladdr(entry) + attribute(_DST, entry.dst.packed)
    return making(NEIGHBOUR, CREATE | REPLACE, _fields(index), content)


def encode_delete(entry: FdbEntry, index: int) -> Request:
    """Return the request that deletes an entry, whatever it says."""
    return deleting(NEIGHBOUR, _fields(index), _lladdr(entry))


def _fields(index: int) -> tuple[int, ...]:
    return (socket.AF_BRIDGE, index, _PERMANENT, _SELF, 0)


def _lladdr(entry: FdbEntry) -> bytes:
    return attribute(_LLADDR, bytes.fromhex(entry.lladdr.replace(":", "")))
