from __future__ import annotations

import pytest

from netplan.desired.backends.vxlan import compile_vxlan
from netplan.errors import Location
from netplan.spec.model import BackendOptions
from tests import make

AT = Location("s.yaml", 4, 1)
A = make.node("a", "10.4.7.21/24", "172.7.21.0/24")
B = make.node("b", "10.4.7.22/24", "172.7.22.0/24", interface="ens3")
FAR = make.node("far", "10.4.8.23/24", "172.7.23.0/24")
PUBLIC = make.node("public", "192.168.0.5/24", "172.7.24.0/24", public_address="203.0.113.5")

OF_B = [
    "neighbour 172.7.22.0 dev podnet.1 lladdr 0e:2a:0a:04:07:16",
    "fdb 0e:2a:0a:04:07:16 dev podnet.1 dst 10.4.7.22",
    "route 172.7.22.0/24 via 172.7.22.0 dev podnet.1 onlink",
]
OF_FAR = [
    "neighbour 172.7.23.0 dev podnet.1 lladdr 0e:2a:0a:04:08:17",
    "fdb 0e:2a:0a:04:08:17 dev podnet.1 dst 10.4.8.23",
    "route 172.7.23.0/24 via 172.7.23.0 dev podnet.1 onlink",
]


def compiled(node, *nodes, **options):
    backend = BackendOptions.model_validate({"type": "vxlan", **options})
    return [*compile_vxlan(make.topology(*nodes), node, backend, AT)]


def said(node, *nodes, **options):
    return [f"{want.resource.kind} {want.resource}" for want in compiled(node, *nodes, **options)]


def test_a_node_has_a_tunnel_with_the_first_address_of_its_subnet():
    assert said(A, A) == [
        "link podnet.1 mtu 1450 up 0e:2a:0a:04:07:15 vxlan id 1 local 10.4.7.21 dev eth0 dstport 8472 nolearning",
        "address 172.7.21.0/32 dev podnet.1",
        "sysctl net.ipv6.conf.podnet/1.accept_ra = 0",
    ]


def test_each_peers_subnet_leads_into_the_tunnel():
    assert said(A, A, B, FAR)[3:] == [*OF_B, *OF_FAR]


def test_peers_on_ones_own_segment_may_be_routed_directly():
    assert said(A, A, B, FAR, direct_routing=True)[3:] == ["route 172.7.22.0/24 via 10.4.7.22 dev eth0", *OF_FAR]


def test_a_tunnel_leaves_by_the_nodes_own_interface():
    assert " dev ens3 " in said(B, A, B)[0]


def test_what_is_written_is_what_the_tunnel_is_made_with():
    link = said(A, A, vni=7, port=4789, mtu=1400, name="flannel.7")[0]
    assert link.startswith("link flannel.7 mtu 1400 up ")
    assert link.endswith("vxlan id 7 local 10.4.7.21 dev eth0 dstport 4789 nolearning")


@pytest.mark.parametrize(("mtu", "left"), [(1500, 1450), (9000, 8950)])
def test_a_tunnel_carries_what_the_interface_does_less_what_it_needs_itself(mtu, left):
    node = make.node("a", mtu=mtu)
    assert f" mtu {left} " in said(node, node)[0]


def test_a_tunnel_too_narrow_for_ipv6_has_no_parameters_of_ipv6():
    assert [want for want in said(A, A, mtu=1279) if want.startswith("sysctl")] == []


def test_peers_send_to_the_public_address_of_a_node():
    assert "fdb 0e:2a:c0:a8:00:05 dev podnet.1 dst 203.0.113.5" in said(A, A, PUBLIC)


def test_a_node_sends_from_its_own_address_whatever_its_public_one_is():
    assert " local 192.168.0.5 " in said(PUBLIC, A, PUBLIC)[0]


def test_everything_but_the_parameter_is_ours():
    assert {want.resource.kind for want in compiled(A, A, B) if not want.resource.ours} == {"sysctl"}


def test_what_a_peer_needs_comes_from_the_peers_line():
    reasons = {(want.reason.text, want.reason.at) for want in compiled(A, A, B)[3:]}
    assert reasons == {("subnet of b", B.at)}


def test_the_tunnel_comes_from_the_line_of_the_backend():
    assert {want.reason.at for want in compiled(A, A, B)[:3]} == {AT}
