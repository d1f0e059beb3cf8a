"""Clusters with IPv6 on real kernels, without IPv4 or beside it: pods reach each other under their own addresses."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import parse
from tests.lab.probe import address, source_seen
from tests.scenarios.podnet import podnet

NODES: Final = ("n1", "n2")
PODS: Final = ("n1-pod1", "n2-pod1")
ONLY_6: Final = """
version: 1
cluster: only
ipv6_network: fd00:10:244::/48
backend: {type: host-gw}
checks: [{ping: peers}]
defaults: {interface: eth0, bridge: cni0}
nodes:
  n1: {ipv6_address: fd00:4::1/64, ipv6_subnet: fd00:10:244:1::/64}
  n2: {ipv6_address: fd00:4::2/64, ipv6_subnet: fd00:10:244:2::/64}
"""
DUAL: Final = """
version: 1
cluster: dual
network: 10.244.0.0/16
ipv6_network: fd00:10:244::/48
backend: {type: vxlan}
ip_masq: {ipv6: false}
checks: [{ping: peers}]
defaults: {interface: eth0, bridge: cni0}
nodes:
  n1: {address: 10.0.4.1/24, subnet: 10.244.1.0/24, ipv6_subnet: fd00:10:244:1::/64}
  n2: {address: 10.0.4.2/24, subnet: 10.244.2.0/24, ipv6_subnet: fd00:10:244:2::/64}
"""
SPECS: Final = {
    "host-gw": ONLY_6,
    "vxlan over IPv6": ONLY_6.replace("host-gw", "vxlan"),
    "vxlan over IPv4": DUAL,
}
_serial = itertools.count(1)


class Cluster(Struct, frozen=True):
    """A cluster that was applied on its nodes."""

    lab: Lab
    spec: Path
    kind: str

    def podnet(self, node: str, *words: str):
        return podnet(self.lab, node, words[0], self.spec, "--node", node, *words[1:])

    def shown(self, node: str, *words: str) -> str:
        return str(self.lab.run(node, words).stdout)


@pytest.fixture(scope="module", params=SPECS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Each kind of cluster."""
    spec = tmp_path_factory.mktemp("cluster") / "spec.yaml"
    spec.write_text(SPECS[request.param])
    topology = parse(SPECS[request.param], str(spec)).topology
    topology = replace(topology, cluster=f"six-{os.getpid()}-{next(_serial)}")
    with Lab.temporary(topology, pods=1) as lab:
        built = Cluster(lab, spec, request.param)
        for node in NODES:
            built.lab.run(node, ["sh", "-c", "echo 0 0 > /proc/sys/net/ipv4/ping_group_range"])
            done = built.podnet(node, "apply", "--yes")
            assert done.code == 0, done.stderr
        yield built


@pytest.mark.parametrize(("client", "server"), [PODS, PODS[::-1]])
def test_pods_see_each_other_s_own_ipv6_addresses(cluster, client, server):
    assert source_seen(cluster.lab, client, server, version=6) == address(cluster.lab, client, 6)


def test_the_outside_sees_the_node_unless_ipv6_is_not_masqueraded(cluster):
    if cluster.kind == "vxlan over IPv4":
        assert "MASQUERADE" not in cluster.shown("n1", "ip6tables-save")
        assert source_seen(cluster.lab, "n1-pod1", "outside") == address(cluster.lab, "n1")
    else:
        assert source_seen(cluster.lab, "n1-pod1", "outside", version=6) == address(cluster.lab, "n1", 6)


def test_the_tunnel_leaves_room_for_its_header(cluster):
    mtu = {"host-gw": None, "vxlan over IPv6": "mtu 1430 ", "vxlan over IPv4": "mtu 1450 "}[cluster.kind]
    if mtu is not None:
        assert mtu in cluster.shown("n1", "ip", "link", "show", "podnet.1")


def test_a_second_look_finds_nothing_to_do(cluster):
    assert [cluster.podnet(node, "drift").code for node in NODES] == [0, 0]


def test_a_flap_of_the_device_is_drift_that_a_fix_mends(cluster):
    device = "eth0" if cluster.kind == "host-gw" else "podnet.1"
    for state in ("down", "up"):
        cluster.lab.run("n1", ["ip", "link", "set", device, state])
    if device == "eth0":  # with the device goes the address, which is not podnet's
        cluster.lab.run("n1", ["ip", "address", "replace", "fd00:4::1/64", "dev", "eth0", "nodad"])
    seen, fixed = cluster.podnet("n1", "drift"), cluster.podnet("n1", "drift", "--fix")
    assert (seen.code, fixed.code) == (1, 0), fixed.stderr
    assert source_seen(cluster.lab, *PODS, version=6) == address(cluster.lab, PODS[0], 6)


def test_a_remove_leaves_nothing(cluster):
    assert cluster.podnet("n2", "remove", "--yes").code == 0
    looks = [["ip", "-6", "route", "show", "table", "all"], ["ip", "link"], ["ip6tables-save"], ["iptables-save"]]
    left = "".join(cluster.shown("n2", *look) for look in looks)
    assert [word for word in ("proto 112", "podnet", "PODNET") if word in left] == []
