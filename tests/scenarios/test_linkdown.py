"""With ignore_routes_with_linkdown a bridge without carrier has no pods yet: that is no drift."""

from __future__ import annotations

import pytest

_PODLESS = """
sysctl -qw net.ipv4.conf.docker0.ignore_routes_with_linkdown=1
for port in $(ls /sys/class/net/docker0/brif); do ip link set $port down; done
until ip route show dev docker0 | grep -q linkdown; do sleep 0.1; done
"""
_WITH_PODS = """
sysctl -qw net.ipv4.conf.docker0.ignore_routes_with_linkdown=0
for port in $(ls /sys/class/net/docker0/brif); do ip link set $port up; done
"""


@pytest.fixture
def podless(node):
    """A node in sync whose pods are all gone."""
    node.apply()
    node.shell(_PODLESS)
    yield node
    node.shell(_WITH_PODS)


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_a_bridge_without_pods_whose_routes_are_not_used_is_no_drift(podless):
    done = podless.podnet("drift", podless.spec, "--node", podless.name)
    assert (done.code, "docker0 has no carrier" in done.stdout) == (0, True)
