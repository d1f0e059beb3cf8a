"""With `forward: pods` a node that forwards nothing of itself lets pods and nodes through, and the outside does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.probe import source_seen
from tests.scenarios.node import Node


@pytest.fixture
def pods_alone(node: Node, peer: Node, tmp_path: Path) -> Iterator[tuple[Node, Path]]:
    """Both nodes with such a spec, beside a firewall that refuses whatever it is not told to let through."""
    path = tmp_path / "hdss7.yaml"
    path.write_text(node.spec.read_text().replace("forward: accept", "forward: pods"))
    for one in (node, peer):
        one.iptables("-F FORWARD")
        one.iptables("-P FORWARD DROP")
        done = one.podnet("apply", path, "--yes")
        assert done.code == 0, done.stderr
    yield node, path
    for one in (node, peer):
        one.iptables("-P FORWARD ACCEPT")


def test_pods_reach_each_other_and_nodes_reach_them(pods_alone: tuple[Node, Path]) -> None:
    lab = pods_alone[0].lab
    ends = ("hdss7-22-pod1", "hdss7-21-pod1"), ("hdss7-21-pod1", "hdss7-21-pod2"), ("hdss7-22", "hdss7-21-pod1")
    assert [source_seen(lab, *pair) for pair in ends] == ["172.7.22.2", "172.7.21.2", "10.4.7.22"]


@pytest.mark.parametrize("ends", [("outside", "hdss7-21-pod1"), ("hdss7-21-pod1", "outside")], ids=["in", "out"])
def test_the_outside_is_left_to_the_firewall(pods_alone: tuple[Node, Path], ends: tuple[str, str]) -> None:
    with pytest.raises(OSError, match="timed out"):
        source_seen(pods_alone[0].lab, *ends, timeout=0.4)


def test_what_the_firewall_says_of_the_outside_is_no_drift(pods_alone: tuple[Node, Path]) -> None:
    node, path = pods_alone
    done = node.podnet("drift", path)
    assert (done.code, done.stdout) == (0, "No changes. hdss7-21: in sync.\n")
