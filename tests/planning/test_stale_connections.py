"""Which connections are older than our rules."""

from __future__ import annotations

import pytest

from netplan.kinds.chain.value import Chain
from netplan.kinds.connection.value import Connection
from netplan.net import Address
from netplan.planning.stale_connections import stale_by
from tests import make


def connection(text):
    """Make a connection from `SOURCE DESTINATION ANSWERED-TO [ANSWERED-BY]`."""
    source, destination, answered_to, *answered_by = map(Address.parse, text.split())
    return Connection(source, destination, answered_to, answered_by[0] if answered_by else destination)


def stale(text, **keys):
    state = make.settled(make.desired(make.spec(**keys)), make.snapshot())
    return stale_by(state.chains[make.MASQUERADE_CHAIN])(connection(text))


OLD = {
    "pod to pod on another node": "172.7.21.2 172.7.22.2 10.4.7.21",
    "pod of another node to a pod here": "172.7.22.2 172.7.21.2 172.7.21.1",
    "pod to a multicast group": "172.7.21.2 224.0.0.251 10.4.7.21",
}
NOT_OLD = {
    "pod to pod under its own address": "172.7.21.2 172.7.22.2 172.7.21.2",
    "pod to the outside": "172.7.21.2 198.51.100.2 10.4.7.21",
    "pod to another node's address": "172.7.21.2 10.4.7.22 10.4.7.21",
    "pod to a pod of this node": "172.7.21.2 172.7.21.3 172.7.21.1",
    "pod to a service": "172.7.21.2 10.96.0.1 10.4.7.21 172.7.22.2",
    "node to a pod of another node": "10.4.7.21 172.7.22.2 172.7.21.1",
}


@pytest.mark.parametrize("text", OLD.values(), ids=OLD)
def test_connection_that_would_keep_its_source_now_is_old(text):
    assert stale(text)


@pytest.mark.parametrize("text", NOT_OLD.values(), ids=NOT_OLD)
def test_other_connection_is_not_old(text):
    assert not stale(text)


@pytest.mark.parametrize("source", ["pods", "any"])
def test_connection_to_a_destination_that_is_not_masqueraded_is_old(source):
    keys = f"{{non_masquerade_cidrs: [192.168.0.0/16], source: {source}}}"
    assert stale("172.7.21.2 192.168.3.4 10.4.7.21", ip_masq=keys)


def test_nothing_is_old_by_a_chain_without_rules():
    assert not stale_by(Chain(make.MASQUERADE_CHAIN))(connection(OLD["pod to pod on another node"]))
