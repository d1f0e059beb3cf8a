"""A packet's way, as a terminal shows it."""

from __future__ import annotations

import pytest

from netplan.cli.views.trace import way_text
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address
from netplan.trace import Packet, Tracer
from tests import make


def shown(rules="", destination="172.7.22.2", **more):
    """Trace a packet of a pod, and return the lines that are shown."""
    off = [Sysctl(f"net.ipv4.conf.{device}.rp_filter", "0") for device in ("all", "docker0")]
    state = make.snapshot(rules, make.route(), *off, ip_forward="1")
    packet = Packet(Address.parse("172.7.21.2"), Address.parse(destination), iif="docker0", **more)
    return way_text(Tracer(state).trace(packet)).plain.split("\n")


def test_a_packet_that_arrives_is_told_with_its_device_and_next_hop():
    assert shown()[-1] == "accept  172.7.21.2 -> 172.7.22.2 dev eth0 via 10.4.7.22"


def test_a_packet_for_the_node_itself_says_so():
    assert shown(destination="10.4.7.21")[-1] == "accept  172.7.21.2 -> 10.4.7.21 for this node"


def test_a_packet_that_is_dropped_is_told_as_it_was_then_with_the_rule_that_did_it():
    lines = shown(make.saved(filter=["-d 172.7.0.0/16 -j DROP"]))
    assert lines[-1] == "drop  172.7.21.2 -> 172.7.22.2"
    assert any("-d 172.7.0.0/16 -j DROP" in line for line in lines)


def test_a_step_is_a_line_for_what_touched_the_packet_and_one_for_what_that_did():
    lines = shown(make.saved(nat=["-j MASQUERADE"]))
    (number,) = [number for number, line in enumerate(lines) if "-j MASQUERADE" in line]
    assert lines[number + 1].startswith(" " * 28 + " => ")


@pytest.mark.parametrize("rule", ["-m statistic --mode random --probability 0.50000000000 -j DROP"])
def test_a_verdict_that_is_not_certain_says_what_makes_it_so(rule):
    assert "unknown because of filter FORWARD" in shown(make.saved(filter=[rule]))[-1]
