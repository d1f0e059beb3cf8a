"""Rules of policy routing in the trace; what the kernel does by them tests/scenarios asks the kernel itself."""

from __future__ import annotations

import pytest

from netplan.kinds.policy.value import DEFAULTS, PolicyRule
from netplan.net import Prefix
from netplan.netfilter.iptables.operands import Masked
from tests.trace.states import outcome, rules, state, traced

OUTSIDE, POD, PEER_POD, NODE = "198.51.100.2", "172.7.21.2", "172.7.22.2", "10.4.7.21"
SUBNET = Prefix.parse("172.7.21.0/24")
AROUND = "0.0.0.0/0 via 10.4.7.9 dev eth0 table 100"
LIMIT = "-m statistic --mode random --probability 0.5"


def ruled(*added, saved="", routes=(AROUND,), **settings):
    """Make a state with rules between that for the local table and that for the main one."""
    snapshot = state(saved, routes=routes, **settings)
    return snapshot.replace(PolicyRule, (DEFAULTS[0], *added, *DEFAULTS[1:]))


def next_hop(snapshot, source=POD, destination=OUTSIDE, **options):
    return str(traced(snapshot, source, destination, **options).next_hop)


@pytest.mark.parametrize(
    "rule",
    [
        PolicyRule(5, 100),
        PolicyRule(5, 100, source=SUBNET),
        PolicyRule(5, 100, iif="docker0"),
        PolicyRule(5, 100, mark=Masked(1, 1), negated=True),
        PolicyRule(5, 100, mark=Masked(2, 1)),
        PolicyRule(5, 100, oif="eth0", negated=True),
    ],
    ids=str,
)
def test_packets_take_the_table_of_the_rule_that_selects_them(rule):
    assert next_hop(ruled(rule)) == "10.4.7.9"


@pytest.mark.parametrize(
    "rule",
    [
        PolicyRule(5, 100, destination=SUBNET),
        PolicyRule(5, 100, iif="lo"),
        PolicyRule(5, 100, mark=Masked(1, 1)),
        PolicyRule(5, 100, tos=16),
        PolicyRule(5, 100, oif="eth0"),
        PolicyRule(5, 100, suppress=0),
        PolicyRule(5, 101),
        PolicyRule(5, action="nop"),
        PolicyRule(5, action="goto", goto=4),
    ],
    ids=str,
)
def test_packets_that_a_rule_does_not_decide_on_take_the_next(rule):
    assert next_hop(ruled(rule)) == "10.4.7.254"


@pytest.mark.parametrize(
    ("action", "verdict"), [("blackhole", "drop"), ("unreachable", "reject"), ("prohibit", "reject")]
)
def test_a_rule_may_refuse(action, verdict):
    result = traced(ruled(PolicyRule(5, action=action)), POD, OUTSIDE)
    assert (result.verdict, result.steps[-1].at) == (verdict, "policy rule 5")


def test_a_throw_route_leaves_packets_to_the_next_rule():
    snapshot = ruled(PolicyRule(5, 100), routes=[AROUND, "throw 198.51.100.0/24 table 100"])
    assert [next_hop(snapshot), next_hop(snapshot, destination="203.0.113.2")] == ["10.4.7.254", "10.4.7.9"]


def test_where_no_rule_leads_anywhere_packets_are_rejected():
    snapshot = state().replace(PolicyRule, DEFAULTS[:1])
    assert traced(snapshot, POD, OUTSIDE).verdict == "reject"


def test_a_rule_before_that_for_the_local_table_may_lead_away_what_is_for_the_node():
    snapshot = state(routes=[AROUND]).replace(PolicyRule, (PolicyRule(0, 100, source=SUBNET), *DEFAULTS))
    assert outcome(snapshot, POD, NODE) == "accept 172.7.21.2 -> 10.4.7.21 dev eth0 via 10.4.7.9"


def test_the_rule_that_decided_is_a_step_of_the_way():
    result = traced(ruled(PolicyRule(5, 100)), POD, OUTSIDE)
    said = [(step.at, step.rule, step.effect) for step in result.steps]
    assert said[0] == ("policy rule 5", "from all lookup 100", "looked up in table 100")


def test_the_rules_of_every_node_are_no_step():
    assert [step.at for step in traced(ruled(PolicyRule(5, 101)), POD, OUTSIDE).steps] == ["route"]


def test_a_rule_that_is_not_understood_makes_it_unknown_and_is_named():
    result = traced(ruled(PolicyRule(5, 100, unread=True)), POD, OUTSIDE)
    assert (result.verdict, result.oif, result.next_hop) == ("accept", "eth0", None)
    assert result.doubt is not None
    assert (result.doubt.at, result.doubt.rule) == ("policy rule 5", "from all (and more) lookup 100")


def test_a_rule_that_is_not_understood_does_not_matter_if_it_leads_where_the_others_lead():
    snapshot = ruled(PolicyRule(5, 100, unread=True), routes=["0.0.0.0/0 via 10.4.7.254 dev eth0 table 100"])
    assert (traced(snapshot, POD, OUTSIDE).doubt, next_hop(snapshot)) == (None, "10.4.7.254")


def test_a_rule_that_is_not_understood_does_not_matter_if_it_can_not_select_the_packet():
    assert next_hop(ruled(PolicyRule(5, 100, iif="lo", unread=True))) == "10.4.7.254"


def test_a_table_that_depends_on_the_device_is_unknown():
    assert traced(ruled(PolicyRule(5, 0, unread=True)), POD, OUTSIDE).verdict == "unknown"


def test_an_unknown_mark_makes_the_way_fork():
    marking = rules(f"mangle PREROUTING {LIMIT} -j MARK --set-mark 1")
    result = traced(ruled(PolicyRule(5, action="blackhole", mark=Masked(1, 1)), saved=marking), POD, OUTSIDE)
    assert result.verdict == "unknown"


def test_what_the_node_sends_is_routed_again_by_its_mark():
    marking = rules("mangle OUTPUT -j MARK --set-mark 1")
    assert next_hop(ruled(PolicyRule(5, 100, mark=Masked(1, 1)), saved=marking), NODE) == "10.4.7.9"


@pytest.mark.parametrize("table", ["raw", "nat", "filter"])
def test_a_mark_of_another_table_does_not_route_again(table):
    marking = rules(f"{table} OUTPUT -j MARK --set-mark 1")
    assert next_hop(ruled(PolicyRule(5, 100, mark=Masked(1, 1)), saved=marking), NODE) == "10.4.7.254"


@pytest.mark.parametrize(("mode", "verdict"), [("0", "accept"), ("1", "drop"), ("2", "accept")])
def test_the_way_back_is_looked_up_by_rules(mode, verdict):
    snapshot = ruled(
        PolicyRule(5, 100, destination=SUBNET, iif="eth0"),
        routes=["172.7.21.0/24 dev eth0 table 100"],
        net__ipv4__conf__docker0__rp_filter=mode,
    )
    assert traced(snapshot, POD, OUTSIDE).verdict == verdict


@pytest.mark.parametrize(("setting", "verdict"), [("0", "accept"), ("1", "drop"), (None, "unknown")])
def test_the_way_back_has_the_mark_only_where_that_is_set(setting, verdict):
    snapshot = ruled(
        PolicyRule(5, 100, destination=SUBNET, mark=Masked(1, 1)),
        routes=["172.7.21.0/24 dev eth0 table 100"],
        net__ipv4__conf__docker0__rp_filter="1",
        net__ipv4__conf__all__src_valid_mark=setting,
    )
    assert traced(snapshot, POD, OUTSIDE, mark=1).verdict == verdict


def test_a_way_back_that_is_not_known_is_in_doubt():
    snapshot = ruled(
        PolicyRule(5, 100, destination=SUBNET, unread=True),
        routes=["172.7.21.0/24 dev eth0 table 100"],
        net__ipv4__conf__docker0__rp_filter="1",
    )
    result = traced(snapshot, POD, OUTSIDE)
    assert result.doubt is not None
    assert (result.verdict, result.doubt.at) == ("unknown", "policy rule 5")


def test_a_route_for_a_tos_is_not_for_packets_without_one():
    snapshot = state(routes=["198.51.100.0/24 via 10.4.7.9 dev eth0 tos 16"])
    assert next_hop(snapshot) == "10.4.7.254"


@pytest.mark.parametrize(("priority", "hop"), [(20, "10.4.7.9"), (30, "10.4.7.254")])
def test_a_goto_goes_on_with_the_first_rule_of_a_priority(priority, hop):
    skipped = PolicyRule(10, 100)
    rules_of_routing = [PolicyRule(5, action="goto", goto=priority), skipped, PolicyRule(20, 100), PolicyRule(30, 254)]
    assert next_hop(ruled(*rules_of_routing)) == hop


def test_a_goto_that_may_hold_makes_the_way_fork():
    leads = PolicyRule(5, action="goto", goto=20, mark=Masked(1, 1))
    snapshot = ruled(
        leads, PolicyRule(10, 254), PolicyRule(20, 100), saved=rules(f"mangle PREROUTING {LIMIT} -j MARK --set-mark 1")
    )
    assert next_hop(snapshot) == "None"
