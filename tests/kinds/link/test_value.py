from __future__ import annotations

import pytest

from netplan.kinds.link.value import Link
from netplan.net import IfName


@pytest.mark.parametrize(("alias", "ours"), [("podnet", True), ("", False), ("podnet.1", False)])
def test_a_device_is_ours_by_its_alias(alias, ours):
    assert Link(IfName("podnet.1"), 1450, up=True, alias=alias).ours is ours


def test_a_device_says_whether_it_is_up():
    assert str(Link(IfName("eth0"), 1500, up=False)) == "eth0 mtu 1500 down"


def test_a_device_is_read_back_from_its_json():
    link = Link(IfName("podnet.1"), 1450, up=True, alias="podnet")
    assert Link.from_json(link.to_json()) == link
