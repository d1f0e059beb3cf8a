"""Addresses of devices as messages of rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.net import InterfaceAddress
from netplan.system.netlink.route import ADDRESS, FAMILIES, Message, address, deleting, making
from netplan.system.netlink.wire import CREATE, REPLACE, Request, attribute

# IFA_*, linux/if_addr.h. Of a device between two hosts the first is the other one's.
_ADDRESS: Final = 1
_LOCAL: Final = 2


def dump_request(version: int) -> tuple[int, ...]:
    """Return the fields of the message that asks for all addresses of an IP version."""
    return (FAMILIES[version], 0, 0, 0, 0)


def decode(message: Message, links: Mapping[int, Link]) -> LinkAddress:
    """Read an address; `links` gives the devices by their indexes."""
    _, length, _, scope, index = message.fields
    packed = message.attributes.get(_LOCAL) or message.attributes[_ADDRESS]
    link = links[index]
    return LinkAddress(link.name, InterfaceAddress(address(packed), length), scope, link.ours)


def encode_new(link_address: LinkAddress, index: int) -> Request:
    """Return the request that puts an address on a device, or replaces it."""
    return making(ADDRESS, CREATE | REPLACE, _fields(link_address, index), _attributes(link_address))


def encode_delete(link_address: LinkAddress, index: int) -> Request:
    """Return the request that takes an address away."""
    return deleting(ADDRESS, _fields(link_address, index), _attributes(link_address))


def _fields(link_address: LinkAddress, index: int) -> tuple[int, ...]:
    return (
        FAMILIES[link_address.address.address.version],
        link_address.address.length,
        0,
        link_address.scope,
        index,
    )


def _attributes(link_address: LinkAddress) -> bytes:
    packed = link_address.address.address.packed
    return attribute(_LOCAL, packed) + attribute(_ADDRESS, packed)
