from __future__ import annotations

import pytest

from tests import make, tunnels

FLANNEL = tunnels.link("flannel.1", mac="22:b5:5b:b0:88:ad", alias="")
TAKEN = "{type: vxlan, name: flannel.1, adopt: true}"
DIRECT = "{type: vxlan, name: flannel.1, adopt: true, direct_routing: true}"
CUT = "pods on other nodes are unreachable through {} until podnet is applied there too: it gets another {}"


def warned(backend, *there):
    node_plan = make.plan(make.snapshot("", *there), make.spec(backend=backend))
    return [warning for warning in node_plan.warnings if "unreachable" in warning]


@pytest.mark.parametrize(
    ("backend", "there", "said"),
    [
        (TAKEN, FLANNEL, ("flannel.1", "link-layer address")),
        ("{type: vxlan}", tunnels.link(port=4789), ("podnet.1", "port")),
        ("{type: vxlan, vni: 77}", tunnels.link(), ("podnet.77", "VNI")),
        ("{type: vxlan}", tunnels.link(local="10.4.7.9"), ("podnet.1", "link-layer address")),
    ],
)
def test_a_tunnel_that_becomes_one_that_the_others_do_not_know_is_warned_of(backend, there, said):
    assert warned(backend, there) == [CUT.format(*said)]


@pytest.mark.parametrize(
    ("backend", "there"),
    [
        ("{type: vxlan}", [tunnels.link(mtu=1400)]),
        ("{type: vxlan}", [tunnels.link(learning=True)]),
        ("{type: vxlan}", [tunnels.link("podnet.9")]),
        ("{type: vxlan}", [tunnels.link(mac="0e:2a:00:00:00:01")]),
        ("{type: vxlan}", []),
        (DIRECT, [FLANNEL]),
    ],
    ids=[
        "another MTU",
        "learning",
        "another name",
        "no longer ours as it was made",
        "the first",
        "none goes through it",
    ],
)
def test_a_tunnel_that_the_others_know_is_not_warned_of(backend, there):
    assert warned(backend, *there) == []
