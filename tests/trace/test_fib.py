from __future__ import annotations

from msgspec.structs import replace

from netplan.net import Address, IfName, Prefix
from netplan.trace.fib import Fib
from netplan.trace.flow import Flow
from netplan.trace.intervals import of_prefix
from tests.trace.states import packet, state

EVERYWHERE = of_prefix(Prefix.parse("0.0.0.0/0"))


def test_packets_come_in_by_the_devices_by_which_answers_leave():
    entrances = dict(Fib(state()).entrances(of_prefix(Prefix.parse("172.7.21.0/24"))))
    assert entrances == {of_prefix(Prefix.parse("172.7.21.0/24")): "docker0"}


def test_what_no_device_leads_to_comes_in_by_none():
    outside = of_prefix(Prefix.parse("198.51.100.0/24"))
    assert list(Fib(state(routes=["blackhole 198.51.100.0/24"])).entrances(outside)) == []


def test_a_look_up_of_many_packets_gives_each_its_route_once():
    packets = Flow(4, EVERYWHERE, EVERYWHERE, iif="eth0")
    parts = list(Fib(state()).lookup(packets))
    assert sum(part.packets for part, _ in parts) == packets.packets
    assert {str(result.route.prefix) for _, result in parts if result.route is not None} == {
        *("0.0.0.0/0", "10.4.7.0/24", "172.7.21.0/24", "172.7.22.0/24")
    }


def next_hops(*routes):
    """Return the next hops to a pod of another node where eth0 has no carrier, and its routes are not used."""
    node = replace(state(routes=routes), linkdown=frozenset({(4, IfName("eth0"))}))
    (result,) = (result for _, result in Fib(node).lookup(packet("172.7.21.2", "172.7.22.2").flow))
    return None if result.hop is None else result.hop.next_hop


def test_a_route_by_a_device_whose_routes_are_not_used_is_none():
    assert next_hops() is None
    assert next_hops("172.7.0.0/16 via 172.7.21.9 dev docker0") == Address.parse("172.7.21.9")


def test_of_several_ways_of_a_route_those_are_left_whose_devices_are_used():
    assert next_hops("172.7.22.0/25 nexthop:10.4.7.50 nexthop:10.4.7.51") is None
