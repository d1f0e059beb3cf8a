from __future__ import annotations

from netplan.kinds.link.value import Link
from netplan.net import IfName
from tests import make, tunnels

FLANNEL = tunnels.link("flannel.1", mac="22:b5:5b:b0:88:ad", alias="")
TAKEN = "{type: vxlan, name: flannel.1, adopt: true}"


def plan(backend, *there):
    return make.plan(make.snapshot("", *there), make.spec(backend=backend))


def said(backend, *there):
    return [
        text for text in make.said(plan(backend, *there).changes) if "PODNET" not in text and "ip_forward" not in text
    ]


def reasons(backend, *there):
    return {make.said([change])[0]: change.reason.text for change in plan(backend, *there).changes}


def test_what_goes_with_a_link_that_is_taken_over_is_not_called_ours():
    stray = tunnels.fdb("f6:41:ad:6c:69:98", "10.4.7.98", device="flannel.1", ours=False)
    changed = reasons(TAKEN, FLANNEL, stray)
    assert changed["delete fdb f6:41:ad:6c:69:98 dev flannel.1 dst 10.4.7.98"] == (
        "on a link that is taken over, and not wanted"
    )


def test_a_foreign_tunnel_of_the_wanted_name_is_named_with_its_owner_and_refused():
    (refusal,) = plan("{type: vxlan, name: flannel.1}", FLANNEL).refusals
    assert refusal == (
        "there is a link flannel.1 mtu 1450 up 22:b5:5b:b0:88:ad vxlan id 1 local 10.4.7.21 dev eth0 dstport 8472 "
        "nolearning already, which is flannel's by its name; adopt it (backend: adopt: true), or take that away first: "
        "ip link del flannel.1"
    )


def test_a_foreign_tunnel_of_the_wanted_vni_and_port_is_in_the_way_whatever_its_name():
    (refusal,) = plan("{type: vxlan}", FLANNEL).refusals
    assert "can't be made beside flannel.1" in refusal
    assert "adopt it (backend: name: flannel.1, adopt: true), or take that away first: ip link del flannel.1" in refusal


def test_a_device_of_another_type_is_never_adopted():
    (refusal,) = plan(TAKEN, Link(IfName("flannel.1"), 1500, up=True, type="bridge")).refusals
    assert refusal.endswith("flannel.1 is another device; choose another name (backend: name)")


def test_a_foreign_tunnel_that_can_not_become_ours_is_not_adopted():
    (refusal,) = plan("{type: vxlan, name: flannel.1, adopt: true, port: 4789}", FLANNEL).refusals
    assert "can't become flannel.1" in refusal


def test_a_foreign_tunnel_that_is_in_no_link_s_way_is_left_alone():
    other = tunnels.link("vxlan.calico", vni=4096, port=4789, alias="")
    assert plan("{type: vxlan}", other).refusals == ()
    assert not [text for text in said("{type: vxlan}", other) if "calico" in text]


def test_an_adopted_tunnel_is_changed_in_place_and_what_fits_stays():
    standing = [tunnels.address(device="flannel.1", ours=False), tunnels.fdb(device="flannel.1", ours=False)]
    changed = said(TAKEN, FLANNEL, *standing, tunnels.route(device="flannel.1", protocol=3))
    assert changed == [
        f"update link {tunnels.link('flannel.1')}",
        "update route 172.7.22.0/24 via 172.7.22.0 dev flannel.1 onlink",
        "create neighbour 172.7.22.0 dev flannel.1 lladdr 0e:2a:0a:04:07:16",
        "create sysctl net.ipv6.conf.flannel/1.accept_ra = 0",
    ]


def test_a_neighbour_of_others_that_goes_with_the_link_layer_address_is_an_update_not_a_create():
    foreign = tunnels.neighbour(mac="f6:41:ad:6c:69:98", device="flannel.1", ours=False)
    assert "update neighbour 172.7.22.0 dev flannel.1 lladdr 0e:2a:0a:04:07:16" in said(TAKEN, FLANNEL, foreign)


def test_what_others_left_on_an_adopted_tunnel_goes():
    left = [
        tunnels.fdb("f6:41:ad:6c:69:98", device="flannel.1", ours=False),
        tunnels.address("10.9.9.9/32", "flannel.1"),
    ]
    changed = said(TAKEN, FLANNEL, *left, tunnels.route("172.7.98.0/24", device="flannel.1", protocol=3))
    assert [text for text in changed if text.startswith("delete")] == [
        "delete address 10.9.9.9/32 dev flannel.1",
        "delete route 172.7.98.0/24 via 172.7.98.0 dev flannel.1 onlink",
        "delete fdb f6:41:ad:6c:69:98 dev flannel.1 dst 10.4.7.22",
    ]


def test_host_gw_adopts_the_routes_of_others_to_its_prefixes():
    foreign = make.route(via="10.4.7.9", protocol=3)
    assert "update route 172.7.22.0/24 via 10.4.7.22 dev eth0" in said("{type: host-gw, adopt: true}", foreign)


def test_other_routes_of_others_are_not_adopted():
    foreign = make.route("10.9.0.0/16", protocol=3)
    assert not [text for text in said("{type: host-gw, adopt: true}", foreign) if "10.9.0.0" in text]


def test_a_plan_says_what_it_takes_over():
    changed = reasons(TAKEN, FLANNEL, tunnels.route("172.7.98.0/24", device="flannel.1", protocol=3))
    assert {text for text in changed.values() if "taken" in text} == {
        "tunnel to the peers; taken over",
        "on a link that is taken over, and not wanted",
    }


def test_a_plan_says_why_a_tunnel_is_made_anew():
    (reason,) = [
        text for what, text in reasons("{type: vxlan}", tunnels.link(port=4789)).items() if "update link" in what
    ]
    assert reason == "tunnel to the peers; a new one: port can't be changed"
