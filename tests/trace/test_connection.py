from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.policy.value import DEFAULTS, PolicyRule
from netplan.net import Address, IfName, Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.trace import Did, Packet, PacketVerdict, Step, Trace, Tracer
from netplan.trace.connection import answers, arrival
from netplan.trace.flow import FIELDS, Flow, Phase, Various, services
from netplan.trace.intervals import EVERY_ADDRESS, EVERY_PORT, join, only
from netplan.trace.packet import End
from netplan.trace.table import Way
from tests.trace.states import packet, rules, state

POD, PEER, NODE, OUTSIDE = "172.7.21.2", "172.7.22.2", "10.4.7.21", "198.51.100.2"
TO_PEER = packet(POD, PEER, protocol=6, sport=40000, dport=80)
FROM_PEER = packet(PEER, POD, protocol=6, sport=40000, dport=80)
TO_OUTSIDE = packet(POD, OUTSIDE, protocol=6, sport=40000, dport=80)
FROM_NODE = packet(NODE, PEER, protocol=6, sport=40000, dport=80)
TO_NODE = packet(PEER, NODE, protocol=6, sport=40000, dport=80)
MASQUERADE = "nat POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"


def followed(opening: Packet, *lines: str, **others) -> str:
    """Say what becomes of a connection on a node with some rules: of which of its packets, and what."""
    end = Tracer(state(rules(*lines), **others)).follow(opening)
    return f"{end.phase} {end.verdict}"


def ruled(opening: Packet, policy: PolicyRule, route: str = "", *lines: str) -> str:
    """Say the same of a node with a rule of policy routing before the usual ones, and another route."""
    node = state(rules(*lines), routes=[route] if route else [])
    end = Tracer(node.replace(PolicyRule, [DEFAULTS[0], policy, *DEFAULTS[1:]])).follow(opening)
    return f"{end.phase} {end.verdict}"


WELL = "packets accept"


@pytest.mark.parametrize("opening", [TO_PEER, FROM_PEER, TO_OUTSIDE, FROM_NODE, TO_NODE, packet(POD, PEER)])
def test_where_nothing_refuses_all_of_a_connection_arrives(opening):
    assert followed(opening, MASQUERADE) == WELL


@pytest.mark.parametrize(
    ("opening", "rule", "fate"),
    [
        (TO_PEER, "raw PREROUTING -d 172.7.21.2/32 ! -i docker0 -j DROP", "replies drop"),
        (TO_PEER, "mangle PREROUTING -s 172.7.22.0/24 -j DROP", "replies drop"),
        (
            TO_PEER,
            "filter FORWARD -m conntrack --ctstate ESTABLISHED --ctdir ORIGINAL -j REJECT",
            "later packets reject",
        ),
        (TO_PEER, "filter FORWARD -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -j DROP", "replies drop"),
        (TO_PEER, "filter FORWARD -p tcp -m tcp --sport 80 -j DROP", "replies drop"),
        (TO_PEER, "filter FORWARD -i eth0 -m conntrack --ctorigsrc 172.7.21.2 -j DROP", "replies drop"),
        (TO_PEER, "mangle POSTROUTING -s 172.7.22.0/24 -o docker0 -j DROP", "replies drop"),
        (TO_PEER, "filter FORWARD -m conntrack --ctstate RELATED -j DROP", "path MTU errors drop"),
        (TO_PEER, "filter FORWARD -p icmp -m icmp --icmp-type fragmentation-needed -j DROP", "path MTU errors drop"),
        (FROM_NODE, "filter INPUT -s 172.7.22.0/24 -j DROP", "replies drop"),
        (FROM_NODE, "filter OUTPUT -m conntrack --ctstate ESTABLISHED -j DROP", "later packets drop"),
        (FROM_NODE, "filter INPUT -p icmp -j DROP", "path MTU errors drop"),
        (TO_NODE, "filter OUTPUT -d 172.7.22.0/24 -j DROP", "replies drop"),
        (packet(POD, PEER), "filter FORWARD -p icmp -m icmp --icmp-type echo-reply -j DROP", "replies drop"),
    ],
)
def test_a_rule_that_only_a_part_of_a_connection_meets_breaks_it(opening, rule, fate):
    assert followed(opening, rule) == fate


@pytest.mark.parametrize(
    "rule",
    [
        "raw PREROUTING -d 172.7.21.2/32 ! -i docker0 -j DROP",
        "nat PREROUTING -d 172.7.21.2/32 -j DNAT --to-destination 172.7.21.9",
        "filter FORWARD -d 10.4.7.21/32 -j DROP",
        "raw PREROUTING -p tcp -m tcp --dport 22 -j DROP",
    ],
)
def test_replies_to_a_masqueraded_source_are_for_the_node_until_conntrack_has_seen_them(rule):
    assert followed(TO_OUTSIDE, MASQUERADE, rule) == WELL


def test_replies_to_a_masqueraded_source_meet_rules_about_the_node_before():
    assert followed(TO_OUTSIDE, MASQUERADE, "raw PREROUTING -d 10.4.7.21/32 -j DROP") == "replies drop"


def test_replies_of_a_translated_destination_have_its_address_until_they_leave():
    redirect = "nat PREROUTING -d 198.51.100.2/32 -j DNAT --to-destination 172.7.22.2"
    assert followed(TO_OUTSIDE, redirect) == WELL
    assert followed(TO_OUTSIDE, redirect, "mangle POSTROUTING -s 198.51.100.2/32 -j DROP") == WELL
    assert followed(TO_OUTSIDE, redirect, "mangle POSTROUTING -s 172.7.22.2/32 -j DROP") == "replies drop"


def test_later_packets_are_translated_as_the_first_one_was():
    redirect = "nat PREROUTING -m conntrack --ctstate NEW -d 198.51.100.2/32 -j DNAT --to-destination 172.7.22.2"
    later = "filter FORWARD -m conntrack --ctstate ESTABLISHED -d {} -j DROP"
    assert followed(TO_OUTSIDE, redirect, later.format("198.51.100.2/32")) == WELL
    assert followed(TO_OUTSIDE, redirect, later.format("172.7.22.2/32")) == "later packets drop"


def test_replies_of_each_of_a_few_translated_destinations_are_followed():
    redirect = "nat PREROUTING -d 198.51.100.2/32 -j DNAT --to-destination 172.7.22.2-172.7.22.9"
    assert followed(TO_OUTSIDE, redirect, "filter FORWARD -s 172.7.22.0/24 -j DROP") == "replies drop"


def test_what_a_node_sends_to_itself_has_met_all_its_rules_already():
    assert followed(packet(NODE, NODE, protocol=6), "filter INPUT -m conntrack --ctstate ESTABLISHED -j DROP") == WELL


def test_replies_that_are_not_tracked_are_not_translated_back():
    assert followed(TO_OUTSIDE, MASQUERADE, "raw PREROUTING -i eth0 -j NOTRACK") == "replies accept"
    assert followed(TO_PEER, "raw PREROUTING -i eth0 -j NOTRACK") == WELL


UNTRACKED = "raw PREROUTING -i docker0 -j NOTRACK"


def test_replies_of_tcp_to_what_was_not_tracked_belong_to_no_connection():
    refusing = "filter FORWARD -m conntrack --ctstate {} -j DROP"
    assert followed(TO_PEER, UNTRACKED, refusing.format("INVALID")) == "replies drop"
    assert followed(TO_PEER, UNTRACKED, refusing.format("NEW")) == WELL


def test_replies_of_udp_to_what_was_not_tracked_open_a_connection_and_may_be_translated():
    udp = replace(TO_PEER, protocol=17)
    assert followed(udp, UNTRACKED, "filter FORWARD -m conntrack --ctstate NEW -j DROP") == "replies drop"
    assert followed(udp, UNTRACKED, "nat POSTROUTING -o docker0 -j MASQUERADE") == "replies accept"
    assert followed(TO_PEER, UNTRACKED, "nat POSTROUTING -o docker0 -j MASQUERADE") == WELL


def test_later_packets_that_take_another_next_hop_go_astray():
    marked = "nat PREROUTING -i docker0 -j MARK --set-mark 1"
    policy = PolicyRule(5, 100, mark=Masked(1, 1))
    assert ruled(TO_PEER, policy, "172.7.22.0/24 via 10.4.7.9 dev eth0 table 100", marked) == "later packets accept"


def test_an_unbound_socket_sends_later_packets_by_the_route_of_the_first():
    blackhole = PolicyRule(5, action="blackhole", source=Prefix.parse("10.4.7.0/24"))
    assert ruled(packet(None, PEER), blackhole) == WELL


def test_a_node_does_not_reply_from_what_only_another_table_has_as_local():
    policy = PolicyRule(5, 100, destination=Prefix.parse("192.168.0.9/32"))
    assert ruled(packet(POD, "192.168.0.9"), policy, "local 192.168.0.9/32 dev lo table 100") == "replies drop"


def test_replies_that_leave_by_another_device_go_astray():
    assert followed(TO_PEER, routes=["172.7.21.2/32 via 10.4.7.254 dev eth0"]) == "replies accept"


def test_what_may_drop_replies_leaves_their_fate_open():
    assert followed(TO_PEER, "filter FORWARD -i eth0 -m string --string x --algo bm -j DROP") == "packets unknown"


def test_a_mark_that_a_connection_was_given_comes_back_with_its_replies():
    save = "mangle FORWARD -i docker0 -j CONNMARK --set-xmark 0x1/0xffffffff"
    drop = "mangle FORWARD -i eth0 -m connmark --mark 0x1 -j DROP"
    assert followed(TO_PEER, save, drop) == "replies drop"


def parts(*lines: str, **header) -> list[tuple[Phase, Flow]]:
    """Return the parts of pods' connections to a peer of which not all arrives."""
    flow = replace(TO_PEER.flow, **header)
    ends = Tracer(state(rules(*lines))).connections(flow)
    assert sum(end.flow.packets for end in ends) == flow.packets
    headers = [replace(flow, **{field.name: getattr(end.flow, field.name) for field in FIELDS}) for end in ends]
    return [(end.phase, part) for end, part in zip(ends, headers, strict=True) if end.phase is not Phase.FIRST]


def test_connections_are_divided_by_what_divides_their_replies():
    many = {"sport": EVERY_PORT, "service": services([6, 17])}
    (part,) = parts("filter FORWARD -i eth0 -p udp -m udp --sport 53 -j DROP", **many)
    assert part == (Phase.REPLY, replace(TO_PEER.flow, sport=EVERY_PORT, service=services([17], only(53))))
    (part,) = parts("filter FORWARD -i eth0 -p tcp -m tcp --dport 40000 -j DROP", **many)
    assert part == (Phase.REPLY, replace(TO_PEER.flow, sport=only(40000), service=services([6])))


def test_replies_are_of_the_protocols_and_ports_of_what_they_answer():
    many = {"service": join(services([6], only(80)), services([17]))}
    (part,) = parts("filter FORWARD -i eth0 -p udp -j DROP", **many)
    assert part == (Phase.REPLY, replace(TO_PEER.flow, service=services([17])))


def test_of_all_protocols_those_have_replies_of_which_it_is_known():
    ends = Tracer(state(rules("filter FORWARD -i eth0 -p icmp -j DROP"))).connections(
        packet(POD, PEER, protocol=None).flow
    )
    assert {end.phase for end in ends} == {Phase.ERROR}


def test_what_may_come_back_has_any_address_that_nat_may_have_given():
    (flow,) = answers([TO_PEER.flow, replace(TO_PEER.flow, destination=only(7))])
    assert (flow.destination, flow.sport) == (EVERY_ADDRESS[4], EVERY_PORT)
    assert flow.source == join(only(7), TO_PEER.flow.destination)


def test_replies_that_would_go_back_to_their_sender_may_be_dropped():
    redirect = "nat PREROUTING -i eth0 -j DNAT --to-destination 172.7.21.2"
    assert followed(packet(POD, "172.7.21.9", iif="eth0"), redirect) == "replies unknown"


TOGETHER = Flow.between(
    Prefix.parse("172.7.21.0/24"), Prefix.parse("172.7.22.0/24"), service=services([6]), iif="docker0"
)
OPENING = Packet(Address.parse("172.7.21.2"), Address.parse("172.7.22.2"), 6, 40000, 80, iif="docker0")


def arrives(next_hop, *trail, wanted=None):
    """Return what is said of a packet whose set comes to one end: that it leaves by eth0."""
    end = End(PacketVerdict.ACCEPT, replace(TOGETHER, oif="eth0", next_hop=next_hop), trail)
    return arrival(OPENING, [end], wanted)


def test_a_packet_of_a_set_that_arrives_leaves_as_all_of_them_do():
    hop = Address.parse("10.4.7.22")
    assert arrives(hop) == Trace(PacketVerdict.ACCEPT, OPENING.source, OPENING.destination, "eth0", hop, ())


def test_a_packet_of_a_set_whose_way_is_the_wanted_one_of_each_leaves_by_its_own():
    trace = arrives(Various.WANTED, wanted=Way(IfName("eth0"), Address.parse("10.4.7.22")))
    assert trace == arrives(Address.parse("10.4.7.22"))


def test_a_packet_is_to_be_traced_by_itself_where_a_step_of_its_set_is_in_doubt():
    step = Step("filter FORWARD 1", "-m time -j DROP", Did.PASSED, "may match", certain=False)
    assert (arrives(None) is None, arrives(None, step)) == (False, None)
