from __future__ import annotations

from msgspec import json

from netplan.lab.build import Setup, setups
from netplan.lab.layout import FLOOR, lay_out
from netplan.spec.topology import Node
from tests.lab.topologies import node, topology


def built(*nodes: Node) -> list[Setup]:
    return list(setups(lay_out(topology(*(nodes or [node()])), pods=1)))


def commands(host: str, *nodes: Node) -> list[str]:
    return [str(step) for setup in built(*nodes) if setup.host == host for step in setup.steps]


def test_pods_are_connected_before_the_node_that_they_plug_into():
    assert [setup.host for setup in built()] == [FLOOR, "n1-pod1", "n1", "router", "outside", FLOOR]


def test_every_host_has_its_namespace_before_anything_else_is_made():
    assert [setup.namespaces for setup in built()] == [("n1", "n1-pod1", "router", "outside"), *[()] * 5]


def test_a_setup_is_the_same_after_its_way_into_the_lab():
    built_of_both_versions = built(node(public_address="203.0.113.21"), USUAL, IPV6)
    assert json.decode(json.encode(built_of_both_versions), type=list[Setup]) == built_of_both_versions


def test_floor_has_every_switch_with_its_ports():
    assert commands(FLOOR) == [
        "link set dev lo up",
        "link add index 2 name sw0 type bridge",
        "link set dev sw0 up",
        "link add index 3 name sw1 type bridge",
        "link set dev sw1 up",
        "link set dev sw0p1 master sw0 up",
        "link set dev sw0p2 master sw0 up",
        "link set dev sw1p1 master sw1 up",
        "link set dev sw1p2 master sw1 up",
    ]


def test_node_has_its_interface_its_bridge_and_a_route_to_everywhere():
    far_end = "peer name sw0p1 index 1001 address 02:01:0a:04:07:01 netns /proc/1/ns/net"
    assert commands("n1") == [
        "link set dev lo up",
        f"link add index 2 name eth0 address 02:00:0a:04:07:01 type veth {far_end}",
        "address add 10.4.7.1/24 dev eth0",
        "link set dev eth0 up",
        "link add index 3 name docker0 address 02:00:ac:07:01:01 type bridge",
        "address add 172.7.1.1/24 dev docker0",
        "link set dev docker0 up",
        "link set dev pod1 master docker0 up",
        "route add default via 10.4.7.254",
    ]


def test_pod_is_cabled_to_its_node():
    far_end = "peer name pod1 index 1002 address 02:01:ac:07:01:02 netns /run/netns/n1"
    assert commands("n1-pod1") == [
        "link set dev lo up",
        f"link add index 2 name eth0 address 02:00:ac:07:01:02 type veth {far_end}",
        "address add 172.7.1.2/24 dev eth0",
        "link set dev eth0 up",
        "route add default via 172.7.1.1",
    ]


def test_only_the_router_forwards():
    forwarding = [setup.host for setup in built() if "net/ipv4/ip_forward=1" in setup.sysctls]
    assert forwarding == ["router"]


def test_router_has_no_routes_but_those_of_its_interfaces():
    assert not [command for command in commands("router") if command.startswith("route")]


JUMBO = node(mtu=9000)
USUAL = node("n2", "10.4.7.2/24", "172.7.2.0/24")
IPV6 = node("n3", "fd00:7::3/64", "fd00:7:3::/64")


def test_a_node_and_its_pods_carry_the_packets_that_the_spec_says():
    devices = [
        line for host in ("n1", "n1-pod1") for line in commands(host, JUMBO, USUAL) if line.startswith("link add")
    ]
    assert [line.count(" mtu 9000") for line in devices] == [2, 1, 2]


def test_a_segment_and_its_router_carry_the_largest_packets_of_any_node():
    (own,) = [line for line in commands("n2", JUMBO, USUAL) if "name eth0" in line]
    assert own.partition("peer")[2].count(" mtu 9000") == 1
    assert " mtu" not in own.partition("peer")[0]
    router = [line for line in commands("router", JUMBO, USUAL) if line.startswith("link add")]
    assert [line.count(" mtu 9000") for line in router] == [2, 0]


def test_the_router_is_the_nat_of_a_public_address():
    public = node(public_address="203.0.113.21")
    assert "address add 203.0.113.21/32 dev lo" in commands("router", public)
    assert [setup.rules for setup in built(public, USUAL) if setup.rules] == [
        {
            4: (
                "-A PREROUTING -d 203.0.113.21 -j DNAT --to-destination 10.4.7.1",
                "-A POSTROUTING -s 10.4.7.1 -j SNAT --to-source 203.0.113.21",
                "-A POSTROUTING -s 10.4.7.0/24 -d 10.4.7.1 -j MASQUERADE",
            )
        }
    ]


def test_a_public_address_that_is_the_nodes_own_needs_no_nat():
    assert [setup.rules for setup in built(node(public_address="10.4.7.1")) if setup.rules] == []
