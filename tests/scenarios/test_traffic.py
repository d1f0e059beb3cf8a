"""What packets look like when they arrive, before and after podnet has run on both nodes."""

from __future__ import annotations

import pytest

from tests.lab.probe import address, source_seen

DOCKER = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"
PUBLISHED = "-A DOCKER -d 172.7.22.2/32 ! -i docker0 -o docker0 -p tcp -j ACCEPT"


@pytest.fixture
def before(node, peer):
    """Both nodes as the story starts; docker has published a port of hdss7-22-pod1, and its pod can be reached."""
    peer.iptables(PUBLISHED)
    return node


@pytest.fixture
def after(applied, applied_peer):
    """Both nodes as podnet makes them."""
    return applied


def test_pod_sees_the_node_s_address_before_podnet_has_run(before):
    assert source_seen(before.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "10.4.7.21"


def test_pod_sees_the_pod_s_own_address(after):
    assert source_seen(after.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "172.7.21.2"


def test_pod_sees_the_pod_s_own_address_the_other_way_round_too(after):
    assert source_seen(after.lab, "hdss7-22-pod2", "hdss7-21-pod2") == "172.7.22.3"


def test_pod_of_the_same_node_sees_the_pod_s_own_address(after):
    assert source_seen(after.lab, "hdss7-21-pod1", "hdss7-21-pod2") == "172.7.21.2"


def test_outside_host_sees_the_node_s_address(after):
    assert source_seen(after.lab, "hdss7-21-pod1", "outside") == "10.4.7.21"


def test_node_of_the_cluster_sees_the_address_of_the_pod_s_node(after, applied_peer):
    applied_peer.iptables("-I INPUT -p tcp -j ACCEPT")
    assert source_seen(after.lab, "hdss7-21-pod1", "hdss7-22") == "10.4.7.21"


def test_outside_host_does_not_reach_a_pod_before_podnet_has_run(node):
    with pytest.raises(OSError, match=r"No route to host|timed out"):
        source_seen(node.lab, "outside", "hdss7-21-pod1", timeout=0.5)


def test_outside_host_reaches_a_pod_under_its_own_address(after):
    assert source_seen(after.lab, "outside", "hdss7-21-pod1") == address(after.lab, "outside")


def test_node_reaches_a_pod_of_the_other_node_under_its_own_address(after):
    assert source_seen(after.lab, "hdss7-21", "hdss7-22-pod1") == "10.4.7.21"


def test_docker_on_top_again_hides_the_pod_s_address(after):
    after.iptables(f"-t nat -I POSTROUTING {DOCKER}")
    assert source_seen(after.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "10.4.7.21"


def test_fix_shows_the_pod_s_address_again(after):
    after.iptables(f"-t nat -I POSTROUTING {DOCKER}")
    after.drift("--fix")
    assert source_seen(after.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "172.7.21.2"


def test_packet_that_kube_proxy_marked_leaves_under_the_node_s_address(after):
    after.iptables("-t mangle -A FORWARD -s 172.7.21.2/32 -j MARK --set-xmark 0x4000/0x4000")
    assert source_seen(after.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "10.4.7.21"


def test_masquerade_of_a_stranger_on_top_hides_the_pod_s_address_until_the_fix(after):
    after.iptables("-t nat -I POSTROUTING -s 172.7.0.0/16 -j MASQUERADE")
    after.drift("--fix")
    assert source_seen(after.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "172.7.21.2"
