"""A packet's way over the nodes of a cluster, as a terminal shows it."""

from __future__ import annotations

from netplan.cli.views.journey import journeys_text
from netplan.net import Address
from netplan.trace.packet import Packet
from tests.trace.networks import POD, VXLAN, network, routed, ruled

DOCKERS = "raw PREROUTING -d 172.7.21.2/32 ! -i docker0 -j DROP"


def shown(nodes, *remarks):
    """Follow a packet from a pod of node a to one of b, and return the lines that are shown."""
    packet = Packet(Address.parse(POD["a"]), Address.parse(POD["b"]), 6, 40000, 80, iif="docker0")
    return journeys_text(nodes.follow(packet.flow, "a"), remarks).plain.split("\n")


def test_a_packet_that_arrives_is_told_with_the_node_where_it_does():
    assert shown(network())[-1] == "accept  172.7.21.2 -> 172.7.22.2, arrives at a pod of b"


def test_each_node_on_the_way_is_a_line_with_the_devices_that_packets_pass():
    lines = shown(network())
    assert [line for line in lines if line.startswith(("a ", "b "))] == [
        "a docker0 -> eth0 via 10.4.7.22",
        "b eth0 -> docker0",
    ]


def test_what_answers_a_packet_that_arrives_is_one_line():
    lines = shown(network())
    assert "replies: b docker0 -> eth0 via 10.4.7.21, a eth0 -> docker0: arrives at a pod of a" in lines


def test_replies_that_are_dropped_are_told_with_the_rule_that_did_it():
    lines = shown(network(a=ruled(DOCKERS)))
    assert lines[-1] == "drop  replies to 172.7.21.2 -> 172.7.22.2: goes no further than a"
    assert any("-d 172.7.21.2/32 ! -i docker0 -j DROP" in line for line in lines)


def test_replies_that_leave_the_cluster_go_astray():
    lines = shown(network(b=routed(without="172.7.21.0/24")))
    assert lines[-1] == "astray  replies to 172.7.21.2 -> 172.7.22.2: leaves the cluster"


def test_a_tunnel_is_told_with_the_way_of_what_carries_the_packet():
    assert "    carried by a itself -> eth0, b eth0 -> lo" in shown(network(VXLAN))


def test_of_several_possible_ways_each_is_shown():
    lines = shown(network(b=ruled("filter FORWARD -m unheard --of -i eth0 -j DROP")))
    assert (lines[0], "or possibly:" in lines[1:]) == ("possibly:", True)


def test_remarks_come_first():
    assert shown(network(), "no record of c")[0] == "no record of c"
