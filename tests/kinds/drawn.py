"""Addresses, prefixes and devices for what codecs write and read: strategies for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from netplan.kinds.link.value import Link
from netplan.net import Address, IfName, InterfaceAddress, LinkLayerAddress
from netplan.system.netlink.route import Layout
from netplan.system.netlink.wire import Request
from tests.kinds import pyroute

BITS = {4: 32, 6: 128}
LINKS = {index: Link(IfName(name), 1500, up=True, type="vxlan") for name, index in pyroute.INDEXES.items()}
NAMES = {link.name: index for index, link in LINKS.items()}

versions = st.sampled_from((4, 6))
devices = st.sampled_from(sorted(NAMES))
lladdrs = st.binary(min_size=6, max_size=6).map(lambda data: LinkLayerAddress(data.hex(":")))


def addresses_of(version):
    return st.integers(0, (1 << BITS[version]) - 1).map(lambda value: Address(version, value))


def prefixes_of(version, shortest=0):
    lengths = st.integers(shortest, BITS[version])
    return st.builds(lambda address, length: InterfaceAddress(address, length).prefix, addresses_of(version), lengths)


any_address = versions.flatmap(addresses_of)


def get_request(layout: Layout, fields: tuple[int, ...], content: bytes = b"") -> Request:
    """Return the request that asks for objects."""
    return Request(layout.get, 0, layout.header.pack(*fields) + content)
