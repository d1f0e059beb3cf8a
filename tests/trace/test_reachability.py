"""Which rules packets may meet, before it is known what the rules further on do."""

from __future__ import annotations

import pytest

from netplan.desired.interest import full_interest
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.netfilter.iptables.rule import Rule
from netplan.trace import Passing, Tracer
from tests.kernels.memory import MemoryKernel
from tests.trace.states import packet, state

TO_SERVICE = packet("172.7.21.2", "10.96.0.10", protocol=6, sport=20000, dport=80)
SENT = packet("10.4.7.21", "172.7.22.2", protocol=6, sport=20000, dport=80)


def follows(hook, rule, *packets):
    table, name = hook.split()
    return Passing.of(packets)(ChainKey(4, table, name), Rule.parse(rule))


@pytest.mark.parametrize(
    ("hook", "rule"),
    [
        ("nat PREROUTING", "-d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j A"),
        ("nat PREROUTING", "-i docker0 -j A"),
        ("nat PREROUTING", "-m addrtype --dst-type LOCAL -j A"),
        ("nat PREROUTING", "-m mark --mark 0x4000/0x4000 -j A"),
        ("filter FORWARD", "-d 172.7.21.9/32 -p tcp -m tcp --dport 8080 -j A"),
        ("filter FORWARD", "-m conntrack --ctstate DNAT -j A"),
        ("filter FORWARD", "-m conntrack --ctstate RELATED,ESTABLISHED -j A"),
        ("nat POSTROUTING", "-s 172.7.21.2/32 -o eth0 -j A"),
    ],
)
def test_a_rule_that_a_packet_may_meet_is_followed(hook, rule):
    assert follows(hook, rule, TO_SERVICE)


@pytest.mark.parametrize(
    ("hook", "rule"),
    [
        ("nat PREROUTING", "-d 10.96.0.11/32 -j A"),
        ("nat PREROUTING", "-p tcp -m tcp --dport 81 -j A"),
        ("nat PREROUTING", "-i eth0 -j A"),
        ("mangle PREROUTING", "-p udp -j A"),
        ("filter FORWARD", "-s 172.7.21.3/32 -j A"),
        ("nat POSTROUTING", "-p tcp -m tcp --sport 80 -j A"),
        ("nat OUTPUT", "-j A"),
    ],
)
def test_a_rule_that_no_packet_meets_is_not_followed(hook, rule):
    assert not follows(hook, rule, TO_SERVICE)


def test_what_one_of_several_packets_may_meet_is_followed():
    assert follows("nat PREROUTING", "-i eth0 -j A", TO_SERVICE, packet("203.0.113.1", "172.7.21.2"))


@pytest.mark.parametrize(
    ("hook", "rule", "followed"),
    [
        ("nat OUTPUT", "-d 172.7.22.2/32 -j A", True),
        ("nat OUTPUT", "-d 172.7.22.3/32 -j A", False),
        ("nat OUTPUT", "-o eth0 -j A", True),
        ("nat POSTROUTING", "-d 172.7.22.3/32 -j A", True),
        ("filter FORWARD", "-j A", False),
        ("nat PREROUTING", "-j A", False),
        ("mangle PREROUTING", "-s 1.2.3.4/32 -i lo -j A", True),
        ("filter INPUT", "-s 1.2.3.4/32 -j A", True),
    ],
)
def test_a_packet_of_the_node_itself_may_come_back_to_it_with_other_addresses(hook, rule, followed):
    assert follows(hook, rule, SENT) is followed


def test_packets_of_two_interests_are_followed_together():
    both = Passing.of([TO_SERVICE]) | Passing.of([SENT])
    assert both == Passing.of([TO_SERVICE, SENT])


SERVICES = """*nat
:KUBE-SERVICES - [0:0]
:SVC-A - [0:0]
:SVC-B - [0:0]
:MASQ - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j SVC-A
-A KUBE-SERVICES -d 10.96.0.11/32 -p tcp -m tcp --dport 80 -j SVC-B
-A SVC-A -j MASQ
-A SVC-A -p tcp -j DNAT --to-destination 172.7.22.5:8080
-A SVC-B -p tcp -j DNAT --to-destination 172.7.22.6:8080
-A MASQ -j MARK --set-xmark 0x4000/0x4000
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
"""


def test_what_is_followed_is_enough_to_trace_the_packet():
    whole = state(SERVICES)
    part = MemoryKernel(whole).observe(full_interest([TO_SERVICE.flow]))
    assert ChainKey(4, "nat", "SVC-B") not in part.chains
    assert Tracer(part).trace(TO_SERVICE) == Tracer(whole).trace(TO_SERVICE)


def test_a_chain_that_was_too_long_to_be_read_leaves_the_trace_in_doubt():
    part = MemoryKernel(state(SERVICES[: SERVICES.index("-A POST")])).observe(full_interest([TO_SERVICE.flow], limit=4))
    assert part.chains[ChainKey(4, "nat", "SVC-A")] == Chain(ChainKey(4, "nat", "SVC-A"), unread=2)
    doubt = Tracer(part).trace(TO_SERVICE).doubt
    assert doubt is not None
    assert doubt.effect.endswith("nat SVC-A was not read, it has about 2 rules")


def test_a_packet_of_an_unknown_protocol_may_meet_rules_of_any():
    unknown = packet("172.7.21.2", "172.7.22.2", protocol=None)
    assert follows("filter FORWARD", "-p tcp -j A", unknown)
    assert follows("filter FORWARD", "-p udp -j A", unknown)
