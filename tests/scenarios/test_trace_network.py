"""A packet's way over all nodes of a cluster, by their records, is the way that packets take there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import parse
from tests.lab import resident
from tests.lab.probe import address, source_seen
from tests.scenarios.podnet import podnet

NODES = ("n1", "n2", "n3")
POD, PEER_POD = "n1-pod1", "n2-pod1"

SPEC = """
version: 1
cluster: ways
network: 172.7.0.0/16
backend: {backend}
defaults: {{interface: eth0, bridge: docker0}}
nodes:
  n1: {{address: 10.4.7.21/24, subnet: 172.7.21.0/24}}
  n2: {{address: 10.4.7.22/24, subnet: 172.7.22.0/24}}
  n3: {{address: 10.4.7.23/24, subnet: 172.7.23.0/24}}
"""

FAULTS = {
    "nothing": ("n1", "", ""),
    "packets are dropped at the peer": (
        "n2",
        "iptables -t raw -A PREROUTING -d 172.7.22.2/32 ! -i docker0 -j DROP",
        "iptables -t raw -F PREROUTING",
    ),
    "replies are dropped here": (
        "n1",
        "iptables -t raw -A PREROUTING -d 172.7.21.2/32 ! -i docker0 -j DROP",
        "iptables -t raw -F PREROUTING",
    ),
    "the peer has no route back": (
        "n2",
        "ip route del 172.7.21.0/24",
        "podnet",
    ),
    "the peer lets no tunnel in": (
        "n2",
        "iptables -A INPUT -p udp --dport 8472 -j DROP",
        "iptables -D INPUT -p udp --dport 8472 -j DROP",
    ),
    "later packets are dropped at the peer": (
        "n2",
        "iptables -t mangle -A FORWARD -m conntrack --ctstate ESTABLISHED --ctdir ORIGINAL -j DROP",
        "iptables -t mangle -F FORWARD",
    ),
    "the source is rewritten here": (
        "n1",
        "iptables -t nat -I POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE",
        "iptables -t nat -D POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE",
    ),
    "the peer sends what is for a pod on to another node": (
        "n2",
        "ip route add 172.7.22.2/32 via 10.4.7.23",
        "ip route del 172.7.22.2/32 via 10.4.7.23",
    ),
}


class Cluster(NamedTuple):
    """Three nodes that podnet has set up, and the spec."""

    lab: Lab
    spec: Path

    def bring(self, node: str) -> None:
        """Bring a node to the state of the spec."""
        done = podnet(self.lab, node, "apply", self.spec, "--node", node, "--yes")
        assert done.code == 0, done.stderr

    def journeys(self, state: Path) -> list[dict[str, Any]]:
        """Record all nodes, and trace a packet from one pod to another."""
        (state / "ways").mkdir()
        for node in NODES:
            assert podnet(self.lab, node, "capture", "--out", state / "ways" / f"{node}.json").code == 0
        ends = ("--from", address(self.lab, POD), "--to", address(self.lab, PEER_POD), "--dport", "80")
        done = podnet(self.lab, "n1", "trace", self.spec, *ends, "--state", state, "--format", "json")
        assert done.code == 0, done.stderr
        journeys: list[dict[str, Any]] = json.loads(done.stdout)["journeys"]
        return journeys


@pytest.fixture(scope="module", params=["{type: host-gw}", "{type: vxlan}"], ids=["host-gw", "vxlan"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    path = tmp_path_factory.mktemp("ways") / "ways.yaml"
    path.write_text(SPEC.format(backend=request.param))
    topology = replace(parse(path.read_text(), "ways.yaml").topology, cluster=f"ways-{os.getpid()}")
    with Lab.temporary(topology, pods=1) as lab:
        three = Cluster(lab, path)
        for node in NODES:
            three.bring(node)
        yield three


@pytest.mark.parametrize("fault", FAULTS)
def test_the_trace_over_all_nodes_says_what_becomes_of_packets_where(cluster, fault, tmp_path):
    node, script, undo = FAULTS[fault]
    resident.shell(cluster.lab, node, script)
    try:
        (journey,) = cluster.journeys(tmp_path)
        assert seen(cluster.lab) == (journey["source"] if arrives(journey) else None)
    finally:
        if undo == "podnet":
            cluster.bring(node)
        else:
            resident.shell(cluster.lab, node, undo)


def arrives(journey: dict[str, Any]) -> bool:
    return (journey["of"], journey["verdict"]) == ("packets", "accept")


def seen(lab: Lab) -> str | None:
    """Return the source of a connection from the one pod as the other sees it, None if none comes about."""
    try:
        return source_seen(lab, POD, PEER_POD, 0.5)
    except OSError:
        return None
