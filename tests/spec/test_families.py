"""Two families: what a spec says of IPv4 and of IPv6, and what the two must agree on."""

from __future__ import annotations

import pytest

from tests.spec.factory import cursor, load, mistakes, only_problem, spec_text

DUAL = {"ipv6_network": "fd00:7::/48"}
A = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24, ipv6_address: fd00:4::21/64, ipv6_subnet: 'fd00:7:0:21::/64'}"
B = "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24, ipv6_address: fd00:4::22/64, ipv6_subnet: 'fd00:7:0:22::/64'}"
ONLY6 = {"network": None, "ipv6_network": "fd00:7::/48"}
A6 = "a: {ipv6_address: fd00:4::21/64, ipv6_subnet: 'fd00:7:0:21::/64'}"
B6 = "b: {ipv6_address: fd00:4::22/64, ipv6_subnet: 'fd00:7:0:22::/64'}"
TUNNEL = {"backend": "{type: vxlan}"}


def test_a_node_has_an_address_and_a_subnet_of_each_family():
    node = load(A, B, **DUAL).topology.by_name["a"]
    assert [str(value) for value in (*node.addresses, *node.subnets)] == [
        "10.4.7.21/24",
        "fd00:4::21/64",
        "172.7.21.0/24",
        "fd00:7:0:21::/64",
    ]


def test_a_cluster_may_have_ipv6_alone():
    node = load(A6, B6, **ONLY6).topology.by_name["b"]
    assert [str(value) for value in (*node.addresses, *node.subnets)] == ["fd00:4::22/64", "fd00:7:0:22::/64"]


@pytest.mark.parametrize(
    ("nodes", "keys", "message"),
    [
        ((A, "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}"), DUAL, "nodes.b has no ipv6_address"),
        ((A6, "b: {ipv6_subnet: 'fd00:7:0:22::/64'}"), ONLY6, "nodes.b has no ipv6_address"),
        ((), {"network": None}, "the spec has no network"),
        ((A6, A6.replace("a:", "b:")), ONLY6, "node b: fd00:4::21 is already the address of node a"),
        ((A6, B6.replace("fd00:4::22", "fd00:7::22")), ONLY6, "node b: fd00:7::22/64 lies inside the pod network"),
        ((A6, B6.replace("0:22::/64", "0:21::/64")), ONLY6, "is already the subnet of node a"),
        ((A6, B6.replace("fd00:7:0:22::", "fd00:8:0:22::")), ONLY6, "lies outside the pod network fd00:7::/48"),
        ((A6, B6.replace("0:22::/64", "0:22::/80")), ONLY6, "is a /80, and this cluster's are /64"),
        ((A6, B6.replace("fd00:4::22", "fd00:5::22")), ONLY6, "host-gw can't route between its segment fd00:5::/64"),
        ((A6, B6), {**ONLY6, "subnet_len": "24"}, "subnet_len: the spec has no network"),
        ((A6, B6.replace("b: {", "b: {subnet: 172.7.22.0/24, ")), ONLY6, "node b: the spec has no network"),
        ((A6, B6), {**ONLY6, "ipv6_subnet_len": "49"}, "ipv6_subnet_len: /49 leaves less than four subnets"),
        (
            (A6, B6),
            {**ONLY6, "ipv6_subnet_min": "fd00:9::1"},
            "ipv6_subnet_min: fd00:9::1 lies outside the pod network",
        ),
        ((A6, B6), {**ONLY6, "defaults": "{mtu: 1000}"}, "1000 is too little, and IPv6 needs 1280"),
        ((A6, B6), {**ONLY6, "backend": "{type: vxlan, mtu: 1450}"}, "1450 does not fit into 1500 of defaults.mtu"),
        ((A, B), {**DUAL, "backend": "{type: vxlan, mtu: 1200}"}, "backend.mtu: 1200 is too little: IPv6 needs 1280"),
        ((A6, B6), {**ONLY6, "sysctl": "{net.ipv6.conf.all.forwarding: 0}"}, "does not forward packets"),
        ((A6.replace("a: {", "a: {routes: [{prefix: fd01::/64, via: 10.4.7.1}], "), B6), ONLY6, "is no IPv6 address"),
    ],
)
def test_what_does_not_agree_is_an_error(nodes, keys, message):
    assert [problem for problem in mistakes(*nodes, **keys) if message in problem]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ipv6_address", "fd00:4::/64", "is the address of every router of fd00:4::/64"),
        ("ipv6_address", "fe80::1/64", "lies in fe80::/10 (link-local)"),
        ("ipv6_address", "10.4.7.21/24", "is IPv4"),
        ("ipv6_subnet", "fd00:7:0:21::1/64", "has host bits set; the prefix is fd00:7:0:21::/64"),
    ],
)
def test_a_wrong_value_is_said_with_its_place(key, value, message):
    old = {"ipv6_address": "fd00:4::21/64", "ipv6_subnet": "'fd00:7:0:21::/64'"}[key]
    text = spec_text(A6.replace(old, value), B6, **ONLY6)
    problem = only_problem(text)
    assert message in problem.message
    assert str(problem.at) == cursor(text, value)


def test_a_family_of_some_nodes_is_said_at_the_node_that_lacks_it():
    text = spec_text(A, "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24, ipv6_subnet: 'fd00:7:0:22::/64'}", **DUAL)
    problem = only_problem(text)
    assert (problem.message, str(problem.at)) == ("nodes.b has no ipv6_address", cursor(text, "b: {"))


def test_pods_of_ipv6_need_no_nodes_of_ipv6_under_a_tunnel():
    nodes = [node.replace("ipv6_address", "mtu: 1500, bridge").replace("fd00:4::", "br") for node in (A, B)]
    nodes = [node.replace("/64, ipv6_subnet", ", ipv6_subnet") for node in nodes]
    assert mistakes(*nodes, **DUAL, **TUNNEL) == []


def test_ends_of_the_tunnel_with_one_link_layer_address_are_an_error():
    nodes = A6.replace("fd00:4::21", "fd00:4::628a"), B6.replace("fd00:4::22", "fd00:4::b704")
    assert mistakes(*nodes, **ONLY6) == []
    (message,) = mistakes(*nodes, **ONLY6, **TUNNEL)
    assert message == "node b: fd00:4::b704 gives its end of the tunnel the link-layer address of a's"
