"""Addresses of devices as messages: ours and pyroute2's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.kinds.address import codec as addresses
from netplan.kinds.address.value import LinkAddress
from netplan.net import InterfaceAddress
from netplan.system.netlink.route import ADDRESS
from tests.kinds import drawn, pyroute

link_addresses = st.builds(
    LinkAddress,
    drawn.devices,
    drawn.versions.flatmap(lambda v: st.builds(InterfaceAddress, drawn.addresses_of(v), st.integers(0, drawn.BITS[v]))),
    st.sampled_from((0, 253, 254)),
)


@given(link_addresses)
def test_an_address_is_the_same_for_both(address):
    fields, attributes = pyroute.address(address)
    assert addresses.decode(pyroute.written(ADDRESS, fields, attributes), drawn.LINKS) == address
    for request in (
        addresses.encode_new(address, drawn.NAMES[address.link]),
        addresses.encode_delete(address, drawn.NAMES[address.link]),
    ):
        assert pyroute.read(ADDRESS, request, fields) == (fields, attributes)


@pytest.mark.parametrize("version", [4, 6])
def test_the_addresses_of_an_ip_version_are_asked_for_on_all_devices(version):
    fields = {"family": pyroute.FAMILIES[version], "index": 0}
    assert pyroute.read(ADDRESS, drawn.get_request(ADDRESS, addresses.dump_request(version)), fields) == (fields, {})
