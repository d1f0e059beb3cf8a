from __future__ import annotations

import pytest

from netplan.kinds.link.value import Link, Vxlan
from netplan.kinds.link.value import tunnels as tunnels_among
from netplan.net import IfName
from tests import tunnels

TUNNEL = tunnels.link()


@pytest.mark.parametrize(("alias", "ours"), [("podnet", True), ("", False), ("podnet.1", False)])
def test_a_device_is_ours_by_its_alias(alias, ours):
    assert Link(IfName("podnet.1"), 1450, up=True, alias=alias).ours is ours


def test_a_device_says_whether_it_is_up():
    assert str(Link(IfName("eth0"), 1500, up=False)) == "eth0 mtu 1500 down"


def test_a_tunnel_says_what_it_is_made_with():
    assert str(TUNNEL) == (
        "podnet.1 mtu 1450 up 0e:2a:0a:04:07:15 vxlan id 1 local 10.4.7.21 dev eth0 dstport 8472 nolearning"
    )


@pytest.mark.parametrize("kind", [None, "", "bridge"])
def test_a_device_is_read_back_from_its_json(kind):
    link = Link(IfName("docker0"), 1500, up=True, type=kind)
    assert Link.from_json(link.to_json()) == link


@pytest.mark.parametrize("link", [TUNNEL, tunnels.link(learning=True, alias=""), tunnels.link(exclusive=True)])
def test_a_tunnel_is_read_back_from_its_json(link):
    assert Link.from_json(link.to_json()) == link


@pytest.mark.parametrize("other", [tunnels.link(mtu=1400), tunnels.link(mac=tunnels.PEER_MAC), tunnels.link(up=False)])
def test_mtu_address_and_state_are_changed_in_place(other):
    assert TUNNEL.can_become(other)


@pytest.mark.parametrize(
    ("other", "fixed"),
    [
        (tunnels.link(vni=2), "id"),
        (tunnels.link(port=4789), "port"),
        (tunnels.link(local="10.4.7.99"), "local"),
        (tunnels.link(device="eth1"), "link"),
        (tunnels.link(learning=True), "learning"),
        (tunnels.link(vni=2, port=4789), "id, port"),
        (Link(IfName("podnet.1"), 1450, True, type="bridge"), "type"),
    ],
)
def test_what_a_tunnel_is_made_with_takes_a_new_one(other, fixed):
    assert (TUNNEL.can_become(other), TUNNEL.fixed_unlike(other)) == (False, fixed)


def test_tunnels_of_one_vni_and_port_exclude_each_other():
    assert TUNNEL.excludes(tunnels.link("flannel.1", local="10.4.7.99", learning=True))


@pytest.mark.parametrize("other", [tunnels.link(vni=2), tunnels.link(port=4789), Link(IfName("eth0"), 1500, up=True)])
def test_other_devices_stand_beside_a_tunnel(other):
    assert not TUNNEL.excludes(other)


@pytest.mark.parametrize(
    ("name", "whose"),
    [("flannel.1", "flannel's by its name"), ("vxlan.calico", "Calico's by its name"), ("vx0", "another program's")],
)
def test_a_foreign_tunnel_says_whose_it_looks_like(name, whose):
    assert tunnels.link(name, alias="").installer == whose


def test_a_foreign_tunnel_may_leave_its_address_and_its_device_to_the_kernel():
    assert str(Vxlan(7, 4789, None, None, learning=True)) == "vxlan id 7 dstport 4789"


def test_tunnels_are_told_from_other_devices():
    links = {2: Link(IfName("eth0"), 1500, up=True), 3: tunnels.link()}
    assert tunnels_among(links) == {3: tunnels.link()}
