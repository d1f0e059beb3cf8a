from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.kinds.policy.value import ACTIONS, DEFAULTS, PolicyRule, routing_tables
from netplan.net import Prefix
from netplan.netfilter.iptables.operands import Masked

SUBNET = Prefix.parse("172.7.21.0/24")
PREFIXES = st.none() | st.sampled_from([SUBNET, Prefix.parse("10.0.0.1/32"), Prefix.parse("128.0.0.0/1")])
DEVICES = st.none() | st.sampled_from(["eth0", "lo"])
MARKS = st.none() | st.builds(Masked, st.integers(0, 0xFFFFFFFF), st.integers(1, 0xFFFFFFFF))
RULES = st.builds(
    PolicyRule,
    st.integers(0, 0xFFFFFFFF),
    action=st.sampled_from(ACTIONS),
    source=PREFIXES,
    destination=PREFIXES,
    tos=st.integers(0, 255),
    mark=MARKS,
    iif=DEVICES,
    oif=DEVICES,
    negated=st.booleans(),
    goto=st.integers(0, 0xFFFFFFFF),
    suppress=st.none() | st.integers(0, 32),
    unread=st.booleans(),
) | st.builds(PolicyRule, st.integers(0, 9), st.integers(0, 0xFFFFFFFF))


@given(RULES)
def test_a_rule_is_read_back_from_its_json(rule):
    assert PolicyRule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (DEFAULTS[0], "from all lookup local"),
        (PolicyRule(1, 100, source=SUBNET, mark=Masked(1, 3)), "from 172.7.21.0/24 fwmark 0x1/0x3 lookup 100"),
        (PolicyRule(1, 100, mark=Masked(1, 0xFFFFFFFF)), "from all fwmark 0x1 lookup 100"),
        (PolicyRule(1, action="goto", goto=9, iif="lo", negated=True), "not from all iif lo goto 9"),
        (PolicyRule(1, action="blackhole", destination=SUBNET, tos=16), "from all to 172.7.21.0/24 tos 0x10 blackhole"),
        (PolicyRule(1, suppress=0, unread=True), "from all (and more) lookup main suppress_prefixlength 0"),
    ],
)
def test_a_rule_is_written_as_ip_rule_prints_it(rule, text):
    assert str(rule) == text


def test_rules_of_one_priority_stand_side_by_side():
    assert PolicyRule(5, 100).key != PolicyRule(5, 101).key


def test_the_tables_to_read_are_main_and_those_that_rules_look_up_without_the_local_one():
    rules = (*DEFAULTS, PolicyRule(5, 100), PolicyRule(6, action="blackhole"))
    assert routing_tables(rules) == {100, 253, 254}


@pytest.mark.parametrize("wrong", [{"action": "jump"}, {"src": "10.0.0.1/8"}, {"priority": "x"}], ids=str)
def test_json_that_is_no_rule_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        PolicyRule.from_json(DEFAULTS[0].to_json() | wrong)


def test_a_rule_of_ipv6_says_so_in_its_json():
    rule = PolicyRule(1, 100, version=6, source=Prefix.parse("fd00::/8"))
    assert (rule.to_json()["version"], PolicyRule.from_json(rule.to_json())) == (6, rule)
