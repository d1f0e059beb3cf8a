"""What rules ask of the node that packets come to: whether an answer leaves as they came, whether it has a socket."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.policy.value import DEFAULTS, PolicyRule
from netplan.net import Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.netfilter.iptables.rule import Rule
from netplan.trace.fib import Fib
from netplan.trace.firewall.conditions import compile_rule, holds
from netplan.trace.flow import NO_DEVICE, Flow, Holds
from netplan.trace.intervals import of_prefix, only, pairs_of, union
from netplan.trace.split import split_by
from tests import make
from tests.trace.states import packet, state

NEVER, SOMETIMES, ALWAYS = Holds.NEVER, Holds.SOMETIMES, Holds.ALWAYS

FIB = Fib(state(routes=["10.9.0.0/16 nexthop:10.4.7.50 nexthop:10.4.7.51", "unreachable 10.8.0.0/16"]))


def came(source, iif="eth0", destination="172.7.21.2") -> Flow:
    return replace(packet(source, destination, iif=iif).flow, state="NEW")


def certainty(text: str, flow: Flow, fib: Fib | None = FIB) -> Holds:
    return holds(make.rule(f"{text} -j DROP"), flow, fib)


@pytest.mark.parametrize(
    ("source", "iif", "expected"),
    [
        ("172.7.22.2", "eth0", ALWAYS),
        ("172.7.22.2", "docker0", NEVER),
        ("172.7.21.2", "docker0", ALWAYS),
        ("10.9.0.1", "eth0", ALWAYS),
        ("10.8.0.1", "eth0", NEVER),
        ("10.4.7.21", "eth0", NEVER),
        ("172.7.22.2", "lo", ALWAYS),
    ],
)
def test_an_answer_leaves_by_the_device_that_packets_came_by(source, iif, expected):
    assert certainty("-m rpfilter", came(source, iif)) is expected
    assert certainty("-m rpfilter --invert", came(source, iif)) is expected.unless(True)


def test_with_loose_it_may_leave_by_any_device():
    answers = [certainty("-m rpfilter --loose", came(source, "docker0")) for source in ("172.7.22.2", "10.8.0.1")]
    assert answers == [ALWAYS, NEVER]


def test_a_source_of_the_node_itself_may_be_accepted():
    assert certainty("-m rpfilter --accept-local", came("10.4.7.21")) is SOMETIMES


def test_packets_are_divided_by_the_ways_to_their_sources():
    flow = replace(came("8.8.8.8"), source=of_prefix(Prefix.parse("172.7.0.0/16")))
    split = split_by(compile_rule(make.rule("-m rpfilter -j DROP"), FIB), flow)
    outside = union(pair for part in split.outside for pair in pairs_of(part.source))
    assert outside == of_prefix(Prefix.parse("172.7.21.0/24"))


def test_the_mark_decides_only_where_it_is_asked_for():
    marked = PolicyRule(5, 100, mark=Masked(1, 0xFFFFFFFF))
    fib = Fib(state(routes=["172.7.22.0/24 dev docker0 table 100"]).replace(PolicyRule, [marked, *DEFAULTS]))
    flow = came("172.7.22.2").remarked(packet("8.8.8.8", "8.8.8.8", mark=1).flow.mark)
    assert [certainty(f"-m rpfilter{option}", flow, fib) for option in ("", " --validmark")] == [ALWAYS, NEVER]


def test_a_rule_of_routing_that_is_not_understood_leaves_it_open():
    unread = PolicyRule(5, action="unreachable", unread=True)
    fib = Fib(state().replace(PolicyRule, [DEFAULTS[0], unread, *DEFAULTS[1:]]))
    assert certainty("-m rpfilter", came("172.7.22.2"), fib) is SOMETIMES


def test_of_ipv6_an_answer_to_a_link_local_source_leaves_where_it_came():
    rule = Rule.parse("-m rpfilter --invert -j DROP", version=6)
    sources = (only(0xFE80 << 112 | 5), only(0x2001 << 112))
    flows = [Flow(6, source, only(0xFD << 120), iif="eth0", state="NEW") for source in sources]
    assert [holds(rule, flow, Fib(state(), 6)) for flow in flows] == [NEVER, ALWAYS]


@pytest.mark.parametrize(
    ("destination", "iif", "expected"),
    [("172.7.21.2", "eth0", NEVER), ("10.4.7.21", "eth0", SOMETIMES), ("172.7.21.2", NO_DEVICE, SOMETIMES)],
)
def test_no_process_has_a_socket_for_what_is_not_for_this_node(destination, iif, expected):
    flow = replace(came("8.8.8.8", "eth0", destination), iif=iif)
    assert certainty("-m socket --transparent", flow) is expected


@pytest.mark.parametrize("text", ["-m socket", "-m rpfilter", "-m addrtype --dst-type LOCAL"])
def test_without_routes_nothing_is_known(text):
    assert certainty(text, came("8.8.8.8"), None) is SOMETIMES


def of_ipsec(text, known, flow=None):
    """Answer for a match on a node of which it is known, or not, whether it has anything of IPsec."""
    return certainty(text, flow or came("172.7.22.2"), Fib(replace(state(), ipsec=known)))


def test_where_a_node_has_nothing_of_ipsec_it_has_nothing_to_do_with_packets():
    assert of_ipsec("-m policy --dir in --pol ipsec", known=False) is NEVER
    assert of_ipsec("-m policy --dir out --pol none", known=False) is ALWAYS


@pytest.mark.parametrize("known", [None, True])
def test_where_a_node_has_ipsec_or_that_is_unknown_it_may_have_to_do_with_packets(known):
    assert of_ipsec("-m policy --dir in --pol ipsec", known) is SOMETIMES


def test_of_packets_that_stand_for_all_it_is_not_known_whether_ipsec_has_to_do_with_them():
    packets = replace(came("172.7.22.2"), state=None)
    assert of_ipsec("-m policy --dir in --pol none", known=False, flow=packets) is SOMETIMES
