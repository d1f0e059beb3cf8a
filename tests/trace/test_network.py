"""Packets over all nodes of a cluster, from where they start to where they end, and what comes back."""

from __future__ import annotations

import pytest

from netplan.net import Address
from netplan.trace.packet import Packet
from tests import make
from tests.spec.factory import A, B
from tests.trace.networks import NODE, OUTSIDE, POD, VXLAN, C, cluster

SPEC = {backend: make.spec(A, B, C, backend=backend) for backend in ("{type: host-gw}", VXLAN)}


@pytest.fixture(params=list(SPEC))
def backend(request):
    return request.param


def journeys(network, source, destination, *, at="a", iif="docker0", protocol=6, dport=80):
    """Follow one packet."""
    packet = Packet(Address.parse(source), Address.parse(destination), protocol, 40000, dport, iif=iif)
    return network.follow(packet.flow, at)


def told(journey):
    """Say what became of connections, and where: `packets accept at b: 172.7.21.2 -> 172.7.22.2`."""
    seen = f"{journey.source} -> {journey.destination}"
    return f"{journey.phase} {journey.verdict} at {journey.ended}: {seen}"


def way(journey):
    return [(hop.host, hop.iif, hop.oif) for hop in journey.hops]


@pytest.mark.parametrize(("device", "backend"), [("eth0", "{type: host-gw}"), ("podnet.1", VXLAN)])
def test_a_pod_reaches_the_pod_of_a_peer_under_its_own_address(device, backend):
    (journey,) = journeys(cluster(SPEC[backend]), POD["a"], POD["b"])
    assert told(journey) == "packets accept at b: 172.7.21.2 -> 172.7.22.2"
    assert way(journey) == [("a", "docker0", device), ("b", device, "docker0")]
    assert journey.source_kept


def test_a_pod_reaches_the_outside_under_the_address_of_its_node(backend):
    (journey,) = journeys(cluster(SPEC[backend]), POD["a"], OUTSIDE)
    assert told(journey) == f"packets accept at None: {NODE['a']} -> {OUTSIDE}"
    assert not journey.source_kept
