"""Neighbours as messages of rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from netplan.kinds.link.value import Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.net import LinkLayerAddress
from netplan.system.netlink.route import FAMILIES, NEIGHBOUR, Message, address, deleting, making
from netplan.system.netlink.wire import CREATE, REPLACE, Request, attribute, number_attribute

# NDA_* and NUD_*, linux/neighbour.h
_DST: Final = 1
_LLADDR: Final = 2
_IFINDEX: Final = 8
_PERMANENT: Final = 0x80


def dump_request(version: int, index: int) -> tuple[tuple[int, ...], bytes]:
    """Return the fields and attributes of the message that asks for the neighbours behind a device."""
    return (FAMILIES[version], 0, 0, 0, 0), number_attribute(_IFINDEX, index)


def decode(message: Message, links: Mapping[int, Link]) -> Neighbour | None:
    """Read a neighbour if it is permanent; `links` gives the devices by their indexes."""
    _, index, state, _, _ = message.fields
    attributes = message.attributes
    if not state & _PERMANENT or index not in links or _LLADDR not in attributes:
        return None
    link = links[index]
    return Neighbour(link.name, address(attributes[_DST]), LinkLayerAddress(attributes[_LLADDR].hex(":")), link.ours)


def encode_new(neighbour: Neighbour, index: int) -> Request:
    """Return the request that makes a permanent neighbour, in the place of one that the kernel may have found out."""
    return making(NEIGHBOUR, CREATE | REPLACE, _fields(neighbour, index), _attributes(neighbour))


def encode_delete(neighbour: Neighbour, index: int) -> Request:
    """Return the request that deletes a neighbour."""
    return deleting(NEIGHBOUR, _fields(neighbour, index), _attributes(neighbour))


def _fields(neighbour: Neighbour, index: int) -> tuple[int, ...]:
    return (FAMILIES[neighbour.address.version], index, _PERMANENT, 0, 0)


def _attributes(neighbour: Neighbour) -> bytes:
    lladdr = bytes.fromhex(neighbour.lladdr.replace(":", ""))
    return attribute(_DST, neighbour.address.packed) + attribute(_LLADDR, lladdr)
