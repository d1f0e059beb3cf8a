from __future__ import annotations

import pytest

from netplan.net import Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.trace.firewall.conditions import Rules, holds
from netplan.trace.flow import Flow, Holds, Mark
from tests import make

NETWORK, SUBNET = Prefix.parse("172.7.0.0/16"), Prefix.parse("172.7.21.0/24")
NEVER, SOMETIMES, ALWAYS = Holds.NEVER, Holds.SOMETIMES, Holds.ALWAYS
SNAT = Masked(0x4000, 0x4000)

UNMARKED = Mark(0, 0, (SNAT,))
LEAVING = Flow.between(SUBNET, NETWORK, oif="docker0", other_oif=True, mark=UNMARKED)
ARRIVING = Flow.between(NETWORK, SUBNET, but_not=SUBNET, oif="docker0", mark=UNMARKED)


def certainty(text, flow=LEAVING):
    return holds(make.rule(text), flow)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-j ACCEPT", ALWAYS),
        ("-s 172.7.21.0/24 -j ACCEPT", ALWAYS),
        ("-s 172.7.0.0/16 -j ACCEPT", ALWAYS),
        ("-s 172.7.21.5/32 -j ACCEPT", SOMETIMES),
        ("-s 172.7.22.0/24 -j ACCEPT", NEVER),
        ("! -s 172.7.21.0/24 -j ACCEPT", NEVER),
        ("! -s 172.7.22.0/24 -j ACCEPT", ALWAYS),
        ("! -s 172.7.21.5/32 -j ACCEPT", SOMETIMES),
        ("-s 172.0.21.0/255.0.255.0 -j ACCEPT", ALWAYS),
        ("-s 172.0.0.0/255.0.255.127 -j ACCEPT", NEVER),
        ("-s 0.7.21.2/0.255.255.127 -j ACCEPT", SOMETIMES),
        ("-d 172.7.0.0/16 -j ACCEPT", ALWAYS),
        ("-d 172.7.22.0/24 -j ACCEPT", SOMETIMES),
        ("! -d 172.7.0.0/16 -j ACCEPT", NEVER),
        ("-d 10.0.0.0/8 -j ACCEPT", NEVER),
    ],
)
def test_addresses_are_compared_with_all_addresses_of_the_packets(text, expected):
    assert certainty(text) is expected


def test_packets_to_several_destinations_are_some_of_them_for_one():
    flow = Flow.between(SUBNET, NETWORK, Prefix.parse("224.0.0.0/4"))
    assert certainty("-d 172.7.0.0/16 -j ACCEPT", flow) is SOMETIMES


def test_packets_do_not_come_from_what_was_taken_out_of_their_source():
    assert certainty("-s 172.7.21.0/24 -j ACCEPT", ARRIVING) is NEVER
    assert certainty("! -s 172.7.21.0/24 -j ACCEPT", ARRIVING) is ALWAYS


@pytest.mark.parametrize(
    ("text", "expected"),
    [("-o docker0 -j ACCEPT", ALWAYS), ("-o docker+ -j ACCEPT", ALWAYS), ("-o eth0 -j ACCEPT", NEVER)],
)
def test_packets_leave_by_the_device_that_is_known(text, expected):
    assert certainty(text, ARRIVING) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-o docker0 -j ACCEPT", NEVER),
        ("! -o docker0 -j ACCEPT", ALWAYS),
        ("-o eth0 -j ACCEPT", SOMETIMES),
        ("-o docker+ -j ACCEPT", SOMETIMES),
    ],
)
def test_packets_leave_by_any_device_but_the_one_that_is_known(text, expected):
    assert certainty(text) is expected


def test_where_the_device_is_not_known_a_rule_that_names_one_holds_for_some():
    assert certainty("-o docker0 -j ACCEPT", Flow.between(SUBNET, NETWORK)) is SOMETIMES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-m mark --mark 0x4000/0x4000 -j ACCEPT", NEVER),
        ("-m mark ! --mark 0x4000/0x4000 -j ACCEPT", ALWAYS),
        ("-m mark --mark 0x4001/0x4001 -j ACCEPT", NEVER),
        ("-m mark --mark 0x4000 -j ACCEPT", NEVER),
        ("-m mark --mark 0x1/0x1 -j ACCEPT", SOMETIMES),
        ("-m mark --mark 0x0/0x4000 -j ACCEPT", SOMETIMES),
    ],
)
def test_packets_carry_no_mark_that_they_are_known_not_to_carry(text, expected):
    assert certainty(text) is expected


def test_after_a_rule_has_marked_packets_their_mark_is_not_known():
    assert certainty("-m mark --mark 0x4000/0x4000 -j ACCEPT", LEAVING.remarked()) is SOMETIMES


@pytest.mark.parametrize(
    "text",
    [
        "-p tcp -j ACCEPT",
        "-i eth0 -j ACCEPT",
        "-f -j ACCEPT",
        "-m addrtype ! --dst-type LOCAL -j ACCEPT",
        "-m set --match-set blocked src -j DROP",
    ],
)
def test_what_only_the_packet_can_tell_holds_for_some(text):
    assert certainty(text) is SOMETIMES


def test_a_comment_is_no_condition():
    assert certainty("-m comment --comment x -j ACCEPT") is ALWAYS


def test_of_several_conditions_the_least_counts():
    assert certainty("-s 172.7.21.0/24 -p tcp -o docker0 -j ACCEPT") is NEVER


SERVICES = make.rules(*(f"-d 10.96.{number >> 8}.{number & 255}/32 -j DROP" for number in range(2000)), "-j LOG")


@pytest.mark.parametrize(
    ("destination", "numbers"),
    [("10.96.3.7/32", [775, 2000]), ("10.96.7.206/31", [1998, 1999, 2000]), ("172.7.22.0/24", [2000])],
)
def test_of_many_rules_for_one_destination_each_only_those_are_met_that_are_for_some_of_the_packets(
    destination, numbers
):
    met = Rules(SERVICES, None, None).met_by(Flow.between(SUBNET, Prefix.parse(destination)))
    assert list(met) == numbers


def test_of_few_rules_all_are_met():
    assert list(Rules(SERVICES[:5], None, None).met_by(LEAVING)) == [0, 1, 2, 3, 4]


def test_a_mask_with_many_holes_is_known_of_single_packets_only():
    many = "-s 0.0.0.1/1.1.1.255"
    alone = Flow.between(Prefix.parse("172.7.21.2/32"), NETWORK)
    assert [certainty(f"{many} -j ACCEPT", flow) for flow in (LEAVING, alone)] == [SOMETIMES, NEVER]
