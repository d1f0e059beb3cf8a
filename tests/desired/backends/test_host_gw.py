from __future__ import annotations

from netplan.desired.backends.host_gw import compile_host_gw, direct_routes
from netplan.net import Prefix
from tests import make

A = make.node("a", "10.4.7.21/24", "172.7.21.0/24")
B = make.node("b", "10.4.7.22/24", "172.7.22.0/24", interface="ens3")
C = make.node("c", "10.4.7.23/24", "172.7.23.0/24")


def routes(node, *nodes):
    return [*compile_host_gw(make.topology(*nodes), node)]


def test_each_peers_subnet_is_reached_through_the_peers_address():
    assert [str(want.resource) for want in routes(A, A, B, C)] == [
        "172.7.22.0/24 via 10.4.7.22 dev eth0",
        "172.7.23.0/24 via 10.4.7.23 dev eth0",
    ]


def test_routes_leave_by_the_nodes_own_interface():
    assert {want.resource.oif for want in routes(B, A, B, C)} == {"ens3"}


def test_every_route_is_ours():
    assert all(want.resource.ours for want in routes(A, A, B, C))


def test_a_node_alone_has_no_routes():
    assert not routes(A, A)


def test_a_route_comes_from_the_line_of_its_peer():
    (want,) = routes(A, A, B)
    assert (want.reason.text, want.reason.at) == ("subnet of b", B.at)


def test_a_subnet_of_an_ip_version_of_which_its_node_has_no_address_gets_no_route():
    assert [*direct_routes(A, B, [Prefix.parse("fd00:7:0:22::/64")])] == []
