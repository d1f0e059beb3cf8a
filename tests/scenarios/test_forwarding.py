"""Switching forwarding rewrites a setting of every device: what is undone brings back each of them."""

from __future__ import annotations

import pytest

from tests.scenarios.node import refused_route
from tests.scenarios.test_refused import variant

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)

NOT_FORWARDING = """
echo 0 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv4/conf/docker0/forwarding
echo 0 > /proc/sys/net/ipv4/conf/all/accept_redirects
"""


@pytest.fixture
def still(node):
    """A node that does not forward but for one device, and believes no redirects."""
    node.shell(NOT_FORWARDING)
    yield node
    node.shell("sysctl -q net.ipv4.ip_forward=0 net.ipv4.ip_forward=1")  # which sets every device as it was


def settings(node):
    """Read every setting of every device."""
    return node.shell("sysctl net.ipv4.conf net.ipv4.ip_forward")


def test_failed_apply_leaves_every_setting_as_it_was(still, tmp_path):
    before = settings(still)
    with refused_route(still, tmp_path) as words:
        assert still.podnet("apply", *words, "--yes").code == 4
    assert settings(still) == before


@pytest.mark.parametrize("device", ["x\x1b[2Jy", "eth0.100", "br-a_b"], ids=ascii)
def test_failed_apply_on_a_node_with_such_a_device_is_undone(still, tmp_path, device):
    still.shell('ip link add "$1" type bridge', device)
    try:
        before = settings(still)
        with refused_route(still, tmp_path) as words:
            assert still.podnet("apply", *words, "--yes").code == 4
        assert settings(still) == before
    finally:
        still.shell('ip link del "$1"', device)


def test_rollback_brings_back_every_setting(still):
    before = settings(still)
    assert still.apply().code == 0
    assert (still.podnet("rollback", "--yes").code, settings(still)) == (0, before)


def test_device_that_the_spec_keeps_from_forwarding_does_not_once_the_node_does(still, tmp_path):
    spec = variant(still, tmp_path, "defaults:", "sysctl: {net.ipv4.conf.lo.forwarding: 0}\ndefaults:")
    assert (still.podnet("apply", spec, "--yes").code, still.podnet("drift", spec).code) == (0, 0)
