from __future__ import annotations

from netplan.net import Prefix
from netplan.trace.fib import Fib
from netplan.trace.flow import Flow
from netplan.trace.intervals import of_prefix
from tests.trace.states import state

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
