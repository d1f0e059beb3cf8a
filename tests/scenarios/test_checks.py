"""Checks ask the real network of a node."""

from __future__ import annotations

import pytest

from netplan.desired.checks import Check, Ping, gateway_of
from netplan.errors import Location
from netplan.kernel.linux import Linux
from netplan.net import Address
from netplan.operations.checks import run
from netplan.operations.live_plan import whole_state
from netplan.system import programs
from tests.lab.inside import inside

ONCE = pytest.mark.parametrize("backend", ["nft"], indirect=True)
AT = Location("c.yaml", 3, 1)
NODE, PEER, NO_HOST = "10.4.7.21", "10.4.7.22", "10.4.7.77"


def failures(node, *targets):
    """Run pings on a node, where no program ping is installed."""
    return inside(node.lab, node.name, _run, targets)


def _run(targets):
    setattr(programs, "SEARCH_PATH", "/nowhere")  # noqa: B010 - of this child alone
    return run([Check(Ping(Address.parse(target), "hdss7-22"), 1, AT) for target in targets], None)


def _gateway():
    return gateway_of(whole_state(Linux()))


@pytest.fixture
def pinging(peer):
    """A node on which root may open an ICMP socket; the other one's tests find it as the kernel starts, without."""
    peer.shell("echo 0 0 > /proc/sys/net/ipv4/ping_group_range")
    return peer


@ONCE
def test_peer_that_answers_is_no_failure(pinging):
    assert failures(pinging, NODE) == ()


@ONCE
def test_address_that_no_node_has_is_a_failure(pinging):
    assert failures(pinging, NO_HOST) == (f"check ping {NO_HOST} (peer hdss7-22): no answer within 1 s  c.yaml:3",)


@ONCE
def test_missing_program_is_named_where_no_socket_does_instead(node):
    (text,) = failures(node, PEER)
    assert "no program ping to do it (apt-get install iputils-ping)" in text


@ONCE
def test_gateway_is_the_one_of_the_nodes_default_route(node):
    assert str(inside(node.lab, node.name, _gateway)) == node.shell("ip -4 route show default").split()[2]
