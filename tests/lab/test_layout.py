from __future__ import annotations

import pytest

from netplan.errors import UsageError
from netplan.lab import HostKind
from netplan.lab.layout import Layout, Wiring, lay_out
from tests.lab.topologies import node, topology, two_nodes, two_segments
from tests.spec.factory import load


def wiring(layout: Layout, name: str) -> Wiring:
    return next(wiring for wiring in layout.wirings if wiring.name == name)


def addresses(layout: Layout, name: str) -> list[str]:
    return [str(address) for address in wiring(layout, name).host.addresses]


def test_hosts_are_nodes_each_with_its_pods_and_then_router_and_outside():
    names = [wiring.name for wiring in lay_out(two_nodes(), pods=2).wirings]
    assert names == ["n1", "n1-pod1", "n1-pod2", "n2", "n2-pod1", "n2-pod2", "router", "outside"]


def test_each_host_has_its_kind():
    kinds = [wiring.kind for wiring in lay_out(topology(node()), pods=1).wirings]
    assert kinds == [HostKind.NODE, HostKind.POD, HostKind.ROUTER, HostKind.OUTSIDE]


def test_node_has_its_address_and_on_its_bridge_the_first_of_its_subnet():
    assert addresses(lay_out(two_nodes()), "n2") == ["10.4.7.2/24", "172.7.2.1/24"]


def test_devices_are_named_as_the_spec_names_them():
    layout = lay_out(topology(node(interface="ens3", bridge="cni0")))
    assert [interface.name for interface in wiring(layout, "n1").interfaces] == ["ens3", "cni0"]


def test_pods_have_the_addresses_after_the_bridge():
    layout = lay_out(two_nodes(), pods=3)
    assert [addresses(layout, f"n1-pod{number}") for number in (1, 2, 3)] == [
        ["172.7.1.2/24"],
        ["172.7.1.3/24"],
        ["172.7.1.4/24"],
    ]


def test_pods_send_through_their_bridge():
    assert [*map(str, wiring(lay_out(two_nodes()), "n2-pod1").gateways)] == ["172.7.2.1"]


def test_router_has_the_highest_address_of_each_segment():
    assert addresses(lay_out(two_segments()), "router") == ["10.4.7.254/24", "10.4.8.254/24", "198.51.100.1/24"]


def test_router_leaves_nodes_their_addresses():
    layout = lay_out(topology(node(address="10.4.7.254/24"), node("n2", "10.4.7.253/24", "172.7.2.0/24")))
    assert addresses(layout, "router")[0] == "10.4.7.252/24"


def test_router_has_the_other_address_of_a_point_to_point_segment():
    assert addresses(lay_out(topology(node(address="10.4.7.0/31"))), "router")[0] == "10.4.7.1/31"


def test_nodes_send_through_the_router_of_their_segment():
    layout = lay_out(two_segments())
    assert [str(wiring(layout, name).gateways[0]) for name in ("n1", "n3")] == ["10.4.7.254", "10.4.8.254"]


def test_nodes_of_a_segment_are_on_one_switch():
    layout = lay_out(two_segments())
    plugs = [wiring(layout, name).interfaces[0].plug for name in ("n1", "n2", "n3")]
    assert [plug.bridge for plug in plugs if plug] == ["sw0", "sw0", "sw1"]


def test_no_two_cables_end_in_one_port():
    plugs = [(plug.host, plug.port) for plug in lay_out(two_segments()).plugs()]
    assert len(set(plugs)) == len(plugs)


@pytest.mark.parametrize(
    ("network", "segment", "expected"),
    [
        ("172.7.0.0/16", "10.4.7.1/24", "198.51.100.2/24"),
        ("198.51.0.0/16", "10.4.7.1/24", "192.0.2.2/24"),
        ("198.51.0.0/16", "192.0.2.9/28", "203.0.113.2/24"),
    ],
)
def test_outside_is_on_a_network_that_the_cluster_does_not_use(network, segment, expected):
    layout = lay_out(topology(node(address=segment), network=network))
    assert addresses(layout, "outside") == [expected]


def test_cluster_that_uses_all_documentation_networks_is_refused():
    nodes = [node(f"n{number}", address) for number, address in enumerate(("192.0.2.1/24", "203.0.113.1/24"))]
    with pytest.raises(UsageError, match=r"needs one of 198\.51\.100\.0/24, "):
        lay_out(topology(*nodes, network="198.51.0.0/16"))


def test_segment_without_an_address_for_the_router_is_refused():
    with pytest.raises(UsageError, match=r"router in 10\.4\.7\.1/32, but the nodes have them all: n1"):
        lay_out(topology(node(address="10.4.7.1/32")))


def test_subnet_without_room_for_the_pods_is_refused():
    with pytest.raises(UsageError, match=r"n1: subnet 172\.7\.1\.0/30 has room for 1 pods, not for 2"):
        lay_out(topology(node(subnet="172.7.1.0/30")), pods=2)


@pytest.mark.parametrize("name", ["router", "outside", "n1-pod1"])
def test_node_named_as_another_host_of_the_lab_is_refused(name):
    with pytest.raises(UsageError, match=f"2 hosts of the name {name}"):
        lay_out(topology(node(), node(name, "10.4.7.2/24", "172.7.2.0/24")))


def test_pod_name_too_long_for_a_host_name_is_refused():
    with pytest.raises(UsageError, match="too long for a host name"):
        lay_out(topology(node("n" * 63)))


def dual_stack() -> Layout:
    nodes = (
        "n1: {address: 10.4.7.1/24, ipv6_address: fd00:4::1/64, subnet: 172.7.1.0/24, ipv6_subnet: 'fd00:7:0:1::/64'}"
    )
    return lay_out(load(nodes, ipv6_network="fd00:7::/48").topology, pods=1)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("n1", ["10.4.7.1/24", "fd00:4::1/64", "172.7.1.1/24", "fd00:7:0:1::1/64"]),
        ("n1-pod1", ["172.7.1.2/24", "fd00:7:0:1::2/64"]),
        ("router", ["10.4.7.254/24", "fd00:4::ffff:ffff:ffff:fffe/64", "198.51.100.1/24", "2001:db8:1::1/64"]),
        ("outside", ["198.51.100.2/24", "2001:db8:1::2/64"]),
    ],
)
def test_hosts_have_an_address_of_each_family(host, expected):
    assert addresses(dual_stack(), host) == expected


def test_hosts_send_through_a_gateway_of_each_family():
    assert [*map(str, wiring(dual_stack(), "n1-pod1").gateways)] == ["172.7.1.1", "fd00:7:0:1::1"]


def test_the_outside_is_beside_the_public_addresses():
    nodes = (
        node(public_address="198.51.100.21"),
        node("n2", "10.4.7.2/24", "172.7.2.0/24", public_address="10.4.7.254"),
    )
    wirings = {wiring.name: wiring for wiring in lay_out(topology(*nodes)).wirings}
    addresses = [str(address) for interface in wirings["router"].interfaces for address in interface.addresses]
    assert addresses == ["10.4.7.253/24", "192.0.2.1/24"]
