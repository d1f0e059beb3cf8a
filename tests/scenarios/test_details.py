"""What the spec says of one node: its own devices, routes, sysctls and blackhole, and what stands in the way there."""

from __future__ import annotations

import os
import re

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import parse
from tests.scenarios.racks import Racks, passes

CLUSTER = """version: 1
cluster: details
network: 10.32.0.0/16
backend: BACKEND
firewall: {backend: nft}
sysctl: {net.bridge.bridge-nf-call-iptables: 0}
defaults: {interface: eth0, bridge: docker0, mtu: 1500, blackhole: true}
nodes:
  n1:
    address: 10.60.1.11/24
    subnet: 10.32.1.0/24
    interface: ens3
    bridge: cni0
    mtu: 1400
    blackhole: false
    routes: [{prefix: 10.99.0.0/16, via: 10.60.1.254}, {prefix: 10.97.0.0/16, via: 192.0.2.1, dev: eth1}]
    sysctl: {net.ipv4.conf.ens3.rp_filter: 0, net.ipv4.conf.eth1.rp_filter: 2, net.ipv6.conf.ens3.accept_ra: 2}
  n2: {address: 10.60.1.12/24, subnet: 10.32.2.0/24}
"""
TUNNEL = CLUSTER.replace("BACKEND", "{type: vxlan}")
HOST_GW = CLUSTER.replace("BACKEND", "{type: host-gw}")
ADOPTING = CLUSTER.replace("BACKEND", "{type: host-gw, adopt: true}")

SETTINGS = (
    "net.ipv4.conf.ens3.rp_filter net.ipv4.conf.eth1.rp_filter net.ipv6.conf.ens3.accept_ra "
    "net.bridge.bridge-nf-call-iptables"
)
CLEAN = """
ip -4 route flush proto 112; ip -4 route flush proto static
ip link del podnet.1 || true
nft flush ruleset
echo 1 > /proc/sys/net/ipv4/ip_forward
rm -rf "$PODNET_VAR_DIR/sysctls.json" "$PODNET_VAR_DIR/generations"
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A node with two interfaces, and another one."""
    topology = replace(parse(TUNNEL, "details.yaml").topology, cluster=f"details-{os.getpid()}")
    with Lab.temporary(topology, pods=1) as lab:
        racks = Racks(lab, tmp_path_factory.mktemp("details"))
        racks.shell("n1", "ip link add eth1 type bridge; ip address add 192.0.2.2/24 dev eth1; ip link set eth1 up")
        yield racks


@pytest.fixture
def cluster(built):
    """Both nodes without anything of podnet's."""
    for node in ("n1", "n2"):
        built.shell(node, CLEAN)
    return built


def settings(cluster):
    return cluster.shell("n1", f"sysctl -n {SETTINGS}").split()


@pytest.mark.parametrize("spec", [TUNNEL, HOST_GW], ids=["vxlan", "host-gw"])
def test_pods_reach_each_other_where_each_node_has_devices_of_its_own(cluster, spec):
    cluster.apply(spec, ["n1", "n2"])
    assert passes(cluster.lab, "n1-pod1", "n2-pod1", 1300)
    assert passes(cluster.lab, "n2-pod1", "n1-pod1", 1300)


def test_a_tunnel_follows_the_mtu_and_the_interface_of_its_node(cluster):
    cluster.apply(TUNNEL, ["n1", "n2"])
    shown = [cluster.shell(node, "ip -d link show podnet.1") for node in ("n1", "n2")]
    assert [re.findall(r"\bmtu \d+|dev \w+", text)[:2] for text in shown] == [
        ["mtu 1350", "dev ens3"],
        ["mtu 1450", "dev eth0"],
    ]


def test_routes_of_a_node_leave_by_any_of_its_interfaces_and_are_repaired(cluster):
    cluster.apply(TUNNEL, ["n1"])
    cluster.shell("n1", "ip route del 10.97.0.0/16; ip route replace 10.99.0.0/16 via 10.60.1.253 proto 112")
    assert cluster.podnet("n1", "drift", TUNNEL, "--format", "json").changes == [
        "update route 10.99.0.0/16",
        "create route 10.97.0.0/16",
    ]
    cluster.apply(TUNNEL, ["n1"])
    routes = cluster.shell("n1", "ip route")
    assert "10.99.0.0/16 via 10.60.1.254 dev ens3" in routes
    assert "10.97.0.0/16 via 192.0.2.1 dev eth1" in routes


def test_packets_to_the_subnet_go_nowhere_while_the_bridge_is_down(cluster):
    cluster.apply(HOST_GW, ["n2"])
    cluster.shell("n2", "ip link set docker0 down")
    down = cluster.shell("n2", "ip route get 10.32.2.9 2>&1 || true")
    cluster.shell("n2", "ip link set docker0 up")
    up = cluster.shell("n2", "ip route get 10.32.2.9")
    assert ("dev" in down, "dev docker0" in up) == (False, True)


def test_a_node_that_wants_no_blackhole_has_none(cluster):
    cluster.apply(HOST_GW, ["n1"])
    kinds = {line.split()[0] for line in cluster.shell("n1", "ip -details route").splitlines()}
    assert kinds == {"unicast"}


def test_sysctls_of_a_node_and_of_the_cluster_are_set_and_put_back(cluster):
    before = settings(cluster)
    cluster.apply(TUNNEL, ["n1"])
    applied = settings(cluster)
    assert (cluster.podnet("n1", "remove", TUNNEL, "--yes").code, applied, settings(cluster)) == (
        0,
        ["0", "2", "2", "0"],
        before,
    )


def test_rollback_puts_the_sysctls_back_too(cluster):
    before = settings(cluster)
    cluster.apply(TUNNEL, ["n1"])
    cluster.rollback("n1")
    assert settings(cluster) == before


def test_a_foreign_device_of_the_tunnels_name_is_refused_with_adopt_too(cluster):
    cluster.shell("n1", "ip link add podnet.1 type bridge")
    adopting = CLUSTER.replace("BACKEND", "{type: vxlan, adopt: true}")
    done = [cluster.podnet("n1", "apply", spec, "--yes") for spec in (TUNNEL, adopting)]
    assert [(outcome.code, "podnet.1 is another device" in outcome.stderr) for outcome in done] == [
        (3, True),
        (3, True),
    ]


FOREIGN = "10.32.2.0/24 via 10.60.1.254 dev ens3 proto static"


def test_a_foreign_route_to_a_wanted_prefix_is_named_and_refused_and_can_be_adopted(cluster):
    cluster.shell("n1", f"ip route add {FOREIGN}")
    refused = cluster.podnet("n1", "apply", HOST_GW, "--yes")
    assert (refused.code, "from a person (protocol static); adopt it" in refused.stderr) == (3, True)
    assert "via 10.60.1.254" in cluster.shell("n1", "ip route show 10.32.2.0/24")
    cluster.apply(ADOPTING, ["n1"])
    assert "10.32.2.0/24 via 10.60.1.12 dev ens3 proto 112" in cluster.shell("n1", "ip route")


def test_rollback_gives_an_adopted_route_back_and_remove_takes_it_away(cluster):
    cluster.shell("n1", f"ip route add {FOREIGN}")
    cluster.apply(ADOPTING, ["n1"])
    cluster.rollback("n1")
    given_back = cluster.shell("n1", "ip route show 10.32.2.0/24").strip()
    cluster.apply(ADOPTING, ["n1"])
    assert cluster.podnet("n1", "remove", ADOPTING, "--yes").code == 0
    left = cluster.shell("n1", "ip route show 10.32.2.0/24")
    assert (given_back, left) == (FOREIGN, "")
