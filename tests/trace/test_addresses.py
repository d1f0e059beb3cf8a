from __future__ import annotations

import pytest

from netplan.kinds.address.value import LinkAddress
from netplan.net import Address, IfName, InterfaceAddress
from netplan.trace.addresses import ipv6_source


def assigned(text):
    address, device = text.split()
    return LinkAddress(IfName(device), InterfaceAddress.parse(address))


@pytest.mark.parametrize(
    ("addresses", "destination", "chosen"),
    [
        (["fe80::1/64 eth0", "fd00:4::1/64 eth0"], "2001:db8::1", "fd00:4::1"),
        (["fe80::1/64 eth0", "fd00:4::1/64 eth0"], "fe80::2", "fe80::1"),
        (["fd00:4::1/64 eth0", "2001:db8:1::1/64 eth0"], "2001:db8:9::1", "2001:db8:1::1"),
        (["fd00:4::1/64 eth0", "2001:db8:1::1/64 eth0"], "fd00:9::1", "fd00:4::1"),
        (["fd00:9::1/64 docker0", "fd00:4::1/64 eth0"], "fd00:9::2", "fd00:4::1"),
        (["fd00:4::1/64 eth0", "fd00:9::1/64 eth0"], "fd00:9::2", "fd00:9::1"),
        (["fd00:9::1/64 docker0"], "fd00:4::2", "fd00:9::1"),
    ],
)
def test_the_source_is_chosen_as_rfc_6724_says(addresses, destination, chosen):
    source = ipv6_source([assigned(text) for text in addresses], "eth0", Address.parse(destination))
    assert str(source) == chosen
