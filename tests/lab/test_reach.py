"""What is connected in a lab before podnet has done anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.inside import inside
from tests.lab.probe import address, pings, source_seen


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param("n1-pod1", "n1-pod2", id="a pod reaches its neighbour"),
        pytest.param("n1", "n1-pod1", id="a node reaches its pod"),
        pytest.param("n1", "n2", id="a node reaches a node on its segment"),
        pytest.param("n1", "n3", id="a node reaches a node on another segment"),
        pytest.param("n1", "router", id="a node reaches the router"),
        pytest.param("n1", "outside", id="a node reaches the outside host"),
        pytest.param("outside", "n3", id="the outside host reaches a node"),
    ],
)
def test_reaches(lab, source, target):
    assert pings(lab, source, address(lab, target))


def test_pod_reaches_its_bridge(lab):
    assert pings(lab, "n2-pod1", "172.7.2.1")


@pytest.mark.parametrize("target", ["n2-pod1", "n3-pod1", "outside"])
def test_pod_reaches_nothing_beyond_its_node_before_podnet_has_run(lab, target):
    assert not pings(lab, "n1-pod1", address(lab, target), timeout=0.3)


def test_every_host_reaches_itself(lab):
    assert [host.name for host in lab.hosts if not pings(lab, host.name, "127.0.0.1")] == []


def test_source_address_is_kept_between_pods_of_a_node(lab):
    assert source_seen(lab, "n1-pod1", "n1-pod2") == address(lab, "n1-pod1")


@pytest.mark.parametrize(("host", "forward"), [("n1", "0"), ("n1-pod1", "0"), ("outside", "0"), ("router", "1")])
def test_only_the_router_forwards(lab, host, forward):
    assert inside(lab, host, Path("/proc/sys/net/ipv4/ip_forward").read_text).strip() == forward


def test_router_sends_no_redirects(lab):
    settings = inside(lab, "router", lambda: [path.read_text() for path in _send_redirects()])
    assert set(settings) == {"0\n"}


def _send_redirects() -> list[Path]:
    names = ("all", "eth0", "eth1", "eth2")
    return [Path(f"/proc/sys/net/ipv4/conf/{name}/send_redirects") for name in names]


def test_switches_have_no_address(lab):
    assert lab.holder.run("", ["ip", "-brief", "address", "show", "type", "bridge", "to", "0.0.0.0/0"]).stdout == ""
