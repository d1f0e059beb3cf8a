"""A packet over all nodes of a cluster, by their records."""

from __future__ import annotations

import os

import pytest

from netplan.desired.compile import compile_node
from netplan.errors import UsageError
from netplan.kinds.route.value import Route
from netplan.net import Address
from netplan.operations.trace_network import recorded_cluster
from netplan.planning.migration import fresh_node
from netplan.spec.load import read
from netplan.store import records
from netplan.trace import Packet
from netplan.trace.flow import Phase
from tests import make
from tests.reports import Kept
from tests.spec.factory import spec_text

POD, PEER_POD, OUTSIDE = "172.7.21.2", "172.7.22.2", "198.51.100.2"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(spec_text())
    return path


def record(path, name, *, without="", settled=True):
    """Write the record of a node, as the spec leaves it or fresh, without the route to a prefix."""
    spec = read(path)
    desired = compile_node(spec, spec.topology.by_name[name])
    fresh = fresh_node(spec.topology.by_name[name], desired.backend)
    state = make.settled(desired, fresh) if settled else fresh
    state = state.replace(Route, [route for route in state.all(Route) if str(route.prefix) != without])
    file = records.path_of(path.parent / "state", "c", name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(records.render(state, name, "c"))
    return file


def cluster(path, *, planned=False):
    return recorded_cluster(read(path), path, path.parent / "state", Kept(), planned=planned)


def journey(path, source=POD, destination=PEER_POD, **options):
    packet = Packet(Address.parse(source), Address.parse(destination))
    (only,) = cluster(path, **options).follow(packet)
    return only


def test_a_packet_is_followed_to_the_pod_of_another_node(path):
    for name in "ab":
        record(path, name)
    assert (journey(path).phase, journey(path).ended) == (Phase.FIRST, "b")
    assert cluster(path).remarks == []


def test_replies_that_the_peer_leads_elsewhere_are_what_does_not_arrive(path):
    record(path, "a")
    record(path, "b", without="172.7.21.0/24")
    assert journey(path).phase is Phase.REPLY


def test_with_a_plan_the_states_are_those_after_it(path):
    record(path, "a")
    record(path, "b", settled=False)
    assert journey(path, planned=True).phase is Phase.FIRST


def test_without_any_record_the_states_are_those_to_which_the_spec_leads(path):
    assert journey(path).ended == "b"
    assert cluster(path).remarks == ["no node has a record: each is taken as the spec would leave a fresh one"]


def test_what_becomes_of_packets_at_a_node_without_a_record_is_unknown(path):
    record(path, "a")
    assert journey(path).verdict == "unknown"
    assert cluster(path).remarks == ["no record of b: what becomes of packets there is unknown"]


def test_a_record_that_is_older_than_the_spec_is_named(path):
    record(path, "a")
    os.utime(record(path, "b"), (1, 1))
    assert cluster(path).remarks == ["older than the spec: the record of b; capture it again"]


def test_what_comes_from_the_outside_comes_in_where_its_destination_is(path):
    assert [hop.host for hop in journey(path, OUTSIDE, PEER_POD).hops] == ["b"]


def test_what_has_a_nodes_own_address_is_sent_by_it(path):
    assert journey(path, "10.4.7.21", PEER_POD).hops[0].iif is None


@pytest.mark.parametrize(
    ("source", "destination", "said"),
    [
        ("172.7.99.2", PEER_POD, "172.7.99.2 is in the pod network 172.7.0.0/16, and in no node's subnet"),
        (OUTSIDE, "203.0.113.1", f"neither {OUTSIDE} nor 203.0.113.1 is an address of a node or pod of c"),
    ],
)
def test_addresses_that_lead_to_no_node_are_refused(path, source, destination, said):
    with pytest.raises(UsageError, match=said):
        journey(path, source, destination)


def test_an_address_that_two_nodes_hold_is_refused(path):
    record(path, "a")
    file = record(path, "b")
    file.write_text(file.read_text().replace("10.4.7.22/24", "10.4.7.21/24"))
    with pytest.raises(UsageError, match=r"10\.4\.7\.21 is an address of a and b: use --node"):
        journey(path, "10.4.7.21", PEER_POD)
