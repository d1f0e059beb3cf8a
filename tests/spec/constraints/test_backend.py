"""What a backend needs of the nodes, and what it has no use for."""

from __future__ import annotations

import pytest

from tests.spec.factory import FAR, A, B, cursor, mistakes, only_problem, problems, saying, spec_text, vxlan


def test_vxlan_leads_across_segments():
    assert problems(vxlan(A, FAR)) == ()


@pytest.mark.parametrize("key", ["vni: 1", "port: 8472", "direct_routing: true", "mtu: auto", "name: podnet.1"])
def test_host_gw_has_no_keys_of_a_tunnel(key):
    problem = only_problem(spec_text(backend=f"{{type: host-gw, {key}}}"))
    assert problem.message == f"backend.{key.partition(':')[0]}: host-gw has no tunnel"


def test_host_gw_adopts_routes():
    assert mistakes(backend="{type: host-gw, adopt: true}") == []


def test_host_gw_needs_no_public_address():
    assert "and not to public_address" in only_problem(spec_text(saying("public_address: 203.0.113.1"), B)).message


@pytest.mark.parametrize(
    ("nodes", "keys", "where"),
    [
        ((A, B), {"defaults": "{interface: podnet.1}"}, "defaults.interface"),
        ((A, B), {"defaults": "{bridge: podnet.1}"}, "defaults.bridge"),
        ((saying("bridge: podnet.1"), B), {}, "nodes.a.bridge"),
        ((A, saying("interface: podnet.1", B)), {}, "nodes.b.interface"),
    ],
)
def test_a_tunnel_is_not_called_as_a_device_of_a_node(nodes, keys, where):
    assert only_problem(vxlan(*nodes, **keys)).message == f"backend: the tunnel can't be called podnet.1, as {where} is"


def test_a_tunnel_is_not_called_as_the_default_bridge():
    assert "as defaults.bridge is" in only_problem(vxlan(more=", name: docker0")).message


def test_a_default_that_no_node_uses_blocks_nothing():
    assert problems(vxlan(saying("bridge: cni0"), saying("bridge: cni0", B), more=", name: docker0")) == ()


def test_a_tunnel_is_not_the_loopback_device():
    assert "lo is every node's loopback device" in only_problem(vxlan(more=", name: lo")).message


def test_the_packets_of_a_tunnel_fit_into_the_interfaces():
    text = vxlan(saying("mtu: 1400"), B, more=", mtu: 1450")
    problem = only_problem(text)
    assert (problem.message, problem.hint, str(problem.at)) == (
        "backend.mtu: 1450 does not fit into 1400 of nodes.a.mtu: the tunnel needs 50 itself",
        "write at most 1350, or auto",
        cursor(text, "1450"),
    )


def test_a_tunnel_may_carry_more_where_every_interface_does():
    assert problems(vxlan(saying("mtu: 9000"), saying("mtu: 9000", B), more=", mtu: 8950")) == ()


def test_an_interface_leaves_room_for_the_packets_of_a_tunnel():
    problem = only_problem(vxlan(defaults="{mtu: 600}"))
    assert problem.message == "defaults.mtu: 600 leaves 550 for the tunnel's packets, and IPv4 needs 576"


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ("{prefix: 10.9.0.0/16}", "nodes.a.routes[0] says neither via nor dev"),
        ("{prefix: 10.9.0.0/16, via: 10.5.0.1}", "nodes.a.routes[0]: 10.5.0.1 does not lie on the node's segment"),
        ("{prefix: 172.7.22.0/24, via: 10.4.7.1}", "nodes.a.routes[0]: 172.7.22.0/24 is the subnet of node b"),
        (
            "{prefix: 172.7.22.128/25, dev: eth1}",
            "nodes.a.routes[0]: 172.7.22.128/25 is a part of the subnet of node b",
        ),
        ("{prefix: 10.9.0.0/16, via: 10.4.7.21}", "nodes.a.routes[0]: 10.4.7.21 is the node's own address"),
        (
            "{prefix: 10.9.0.0/16, via: 10.4.7.1}, {prefix: 10.9.0.0/16, dev: eth1}",
            "nodes.a.routes[1]: 10.9.0.0/16 is routed in nodes.a.routes[0] already",
        ),
    ],
)
def test_a_route_of_a_node_leads_somewhere_of_its_own(routes, message):
    assert only_problem(spec_text(saying(f"routes: [{routes}]"), B)).message.startswith(message)


@pytest.mark.parametrize(
    "route",
    [
        "{prefix: 10.9.0.0/16, dev: eth1}",
        "{prefix: 10.9.0.0/16, via: 10.5.0.1, dev: eth1}",
        "{prefix: 172.0.0.0/8, dev: eth1}",
    ],
)
def test_a_route_by_another_device_is_believed(route):
    assert mistakes(saying(f"routes: [{route}]"), saying(f"routes: [{route}]", B)) == []
