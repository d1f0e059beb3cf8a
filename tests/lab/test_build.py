from __future__ import annotations

from netplan.lab.build import Setup, setups
from netplan.lab.layout import FLOOR, lay_out
from tests.lab.topologies import node, topology


def built() -> list[Setup]:
    return list(setups(lay_out(topology(node()), pods=1)))


def commands(host: str) -> list[str]:
    return [command for setup in built() if setup.host == host for command in setup.commands]


def test_pods_are_connected_before_the_node_that_they_plug_into():
    assert [setup.host for setup in built()] == [FLOOR, "n1-pod1", "n1", "router", "outside", FLOOR]


def test_floor_has_every_namespace_and_every_switch_with_its_ports():
    assert commands(FLOOR) == [
        "link set lo up",
        "netns add n1",
        "netns add n1-pod1",
        "netns add router",
        "netns add outside",
        "link add name sw0 type bridge",
        "link set dev sw0 up",
        "link add name sw1 type bridge",
        "link set dev sw1 up",
        "link set dev sw0p1 master sw0 up",
        "link set dev sw0p2 master sw0 up",
        "link set dev sw1p1 master sw1 up",
        "link set dev sw1p2 master sw1 up",
    ]


def test_node_has_its_interface_its_bridge_and_a_route_to_everywhere():
    far_end = "peer name sw0p1 index 1001 address 02:01:0a:04:07:01 netns /proc/1/ns/net"
    assert commands("n1") == [
        "link set lo up",
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
        "link set lo up",
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
