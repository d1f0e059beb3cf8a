from __future__ import annotations

import pytest

from netplan.net import Address, Prefix
from netplan.trace import Packet, entrance
from netplan.trace.fib import Fib
from netplan.trace.flow import Flow, services
from netplan.trace.intervals import only
from tests.trace.states import state

SUBNET = Prefix.parse("172.7.21.0/24")


def device(source, *routes):
    packet = Packet(Address.parse(source), Address.parse("172.7.21.2"), 6, 1, 2)
    return entrance(packet, Fib(state(routes=routes)), SUBNET, "docker0").iif


@pytest.mark.parametrize(
    ("source", "iif"), [("10.4.7.21", None), ("172.7.21.9", "docker0"), ("172.7.22.9", "eth0"), ("8.8.8.8", "eth0")]
)
def test_a_packet_comes_in_by_the_device_that_its_source_decides(source, iif):
    assert device(source) == iif


def test_a_source_that_no_device_leads_to_is_a_mistake():
    with pytest.raises(ValueError, match=r"no route leads to 198.51.100.9"):
        device("198.51.100.9", "blackhole 198.51.100.0/24")


def test_a_packet_of_a_flow_has_what_another_one_has_where_it_can():
    likes = Packet(Address.parse("172.7.21.2"), Address.parse("172.7.22.2"), 6, 40000, 80)
    flow = Flow.between(SUBNET, Prefix.parse("172.7.30.0/24"), service=services([6, 17]), iif="docker0")
    assert Packet.first_of(flow, likes) == Packet(
        Address.parse("172.7.21.2"), Address.parse("172.7.30.0"), 6, 40000, 80, iif="docker0"
    )


def test_a_packet_without_ports_has_none():
    flow = Flow.between(SUBNET, SUBNET, service=services([1], only(8 << 8)), iif="docker0")
    packet = Packet.first_of(flow, Packet(None, Address.parse("172.7.21.3"), 6, 1, 2))
    assert (packet.protocol, packet.sport, packet.dport) == (1, None, None)
