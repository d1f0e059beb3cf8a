"""The same outcome for every packet as the programs and the hand-made rule that people move from.

Packets are traced through a node with their rules, and through one with ours. Two kinds are left out of it: multicast,
which podnet never masquerades and ip-masq-agent does, and packets marked for SNAT, which are for those who marked them.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netplan.desired.chains import POSTROUTING
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.trace import Packet, Tracer
from tests import make

RFC_1918 = "[10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]"
POD, OTHER_POD = "172.7.21.2", "172.7.22.2"
NETWORK = Prefix.parse("172.7.0.0/16")
PLACES = (
    OTHER_POD,
    "172.7.23.9",
    "172.31.0.1",
    "10.4.7.22",
    "10.9.9.9",
    "192.168.1.1",
    "169.254.7.7",
    "8.8.8.8",
    "198.51.100.2",
)

targets = st.sampled_from(PLACES)
marks = st.sampled_from([0, 0x1])
from_pods = st.builds(
    lambda destination, mark: Packet(Address.parse(POD), Address.parse(destination), mark=mark, iif="docker0"),
    targets,
    marks,
)
from_node = st.builds(
    lambda destination, mark: Packet(Address.parse("10.4.7.21"), Address.parse(destination), mark=mark), targets, marks
)
to_pods = st.builds(
    lambda source: Packet(Address.parse(source), Address.parse(POD), iif="eth0"),
    st.sampled_from([OTHER_POD, "10.4.7.22", "198.51.100.2"]),
)


def node(rules=""):
    """Make the state of node a, whose pods reach those of node b, with some rules."""
    carried = [LinkAddress(IfName("docker0"), InterfaceAddress.parse("172.7.21.1/24"))]
    routes = [
        make.route("172.7.21.0/24", None, "docker0", protocol=2),
        make.route(),
        make.route("0.0.0.0/0", "10.4.7.254", protocol=3),
    ]
    return make.snapshot(rules, *carried, *routes, ip_forward="1")


def tracer(rules):
    return Tracer(node(rules))


def ours(**ip_masq):
    """Make the tracer of a node with nothing but what podnet makes of a policy."""
    written = ", ".join(f"{key}: {value}" for key, value in ip_masq.items())
    return Tracer(make.settled(make.desired(make.spec(ip_masq=f"{{{written}}}" if written else None)), node()))


AGENT = tracer(make.capture("ip-masq-agent-head-default.rules"))
LIKE_AGENT = ours(source="any", non_masquerade_cidrs=RFC_1918)
CUSTOM_AGENT = tracer(make.capture("ip-masq-agent-head-custom.rules"))
LIKE_CUSTOM_AGENT = ours(source="any", non_masquerade_cidrs="[10.4.7.0/24]")
FLANNEL = tracer(make.capture("flannel-0.20.2-hostgw-ipmasq.rules"))
OLD_FLANNEL = tracer(make.capture("flannel-0.11.0-hostgw-ipmasq.rules"))
BY_HAND = tracer(make.saved(nat=["-s 172.7.21.0/24 ! -d 172.7.0.0/16 ! -o docker0 -j MASQUERADE"]))
LIKE_FLANNEL = ours(masq_link_local="true")


def outcome(walked, packet):
    result = walked.trace(packet)
    return result.verdict, result.source, result.destination, result.oif


@given(st.one_of(from_pods, from_node, to_pods))
def test_source_any_is_as_ip_masq_agent_of_the_same_destinations(packet):
    assert outcome(LIKE_CUSTOM_AGENT, packet) == outcome(CUSTOM_AGENT, packet)


@given(st.one_of(from_pods, from_node).filter(lambda packet: not NETWORK.contains(packet.destination)))
def test_source_any_is_as_ip_masq_agent_by_default_but_towards_pods_which_it_does_not_know(packet):
    assert outcome(LIKE_AGENT, packet) == outcome(AGENT, packet)


@given(st.one_of(from_pods, from_node, to_pods))
def test_source_pods_is_as_flannel_of_the_same_network(packet):
    assert outcome(LIKE_FLANNEL, packet) == outcome(FLANNEL, packet) == outcome(OLD_FLANNEL, packet)


@given(st.one_of(from_pods, from_node, to_pods))
def test_source_pods_is_as_the_hand_made_rule(packet):
    assert outcome(LIKE_FLANNEL, packet) == outcome(BY_HAND, packet)


def test_there_is_a_jump_to_compare():
    assert make.settled(make.desired(), node()).chains[POSTROUTING[4]] == Chain(
        POSTROUTING[4], make.rules("-m comment --comment podnet -j PODNET-POSTROUTING"), "ACCEPT"
    )
