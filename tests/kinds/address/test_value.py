from __future__ import annotations

from netplan.kinds.address.value import LinkAddress
from netplan.net import IfName, InterfaceAddress


def carried(text, link="eth0"):
    return LinkAddress(IfName(link), InterfaceAddress.parse(text))


def test_the_same_address_with_another_length_is_another_address():
    assert carried("10.4.7.21/24").key != carried("10.4.7.21/32").key


def test_the_same_address_on_another_device_is_another_address():
    assert carried("10.4.7.21/24").key != carried("10.4.7.21/24", "eth1").key


def test_an_address_is_read_back_from_its_json():
    assert LinkAddress.from_json(carried("10.4.7.21/24").to_json()) == carried("10.4.7.21/24")
