from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.address.value import HOST_SCOPE, LinkAddress
from netplan.net import IfName, InterfaceAddress
from tests import tunnels


def carried(text, link="eth0"):
    return LinkAddress(IfName(link), InterfaceAddress.parse(text))


def test_the_same_address_with_another_length_is_another_address():
    assert carried("10.4.7.21/24").key != carried("10.4.7.21/32").key


def test_the_same_address_on_another_device_is_another_address():
    assert carried("10.4.7.21/24").key != carried("10.4.7.21/24", "eth1").key


@pytest.mark.parametrize(
    "address",
    [carried("10.4.7.21/24"), replace(carried("127.0.0.1/8", "lo"), scope=HOST_SCOPE), tunnels.address()],
    ids=str,
)
def test_an_address_is_read_back_from_its_json(address):
    assert LinkAddress.from_json(address.to_json()) == address
