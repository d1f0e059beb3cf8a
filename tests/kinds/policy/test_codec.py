"""Rules of policy routing as messages: what pyroute2 wrote is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.kinds.policy import codec as policies
from netplan.kinds.policy.value import ACTIONS, PolicyRule
from netplan.netfilter.iptables.operands import Masked
from netplan.system.netlink.route import RULE
from tests.kinds import drawn, pyroute


@st.composite
def any_rule(draw):
    action = draw(st.sampled_from(ACTIONS))
    numbers = st.integers(1, 0xFFFFFFFF)
    return PolicyRule(
        draw(st.integers(0, 0xFFFFFFFF)),
        draw(numbers) if action == "lookup" else 254,
        action,
        draw(st.none() | drawn.prefixes_of(4, 1)),
        draw(st.none() | drawn.prefixes_of(4, 1)),
        draw(st.integers(0, 255)),
        draw(st.none() | st.builds(Masked, st.integers(0, 0xFFFFFFFF), numbers)),
        draw(st.none() | drawn.devices),
        draw(st.none() | drawn.devices),
        draw(st.booleans()),
        draw(st.integers(0, 0xFFFFFFFF)),
        draw(st.none() | st.integers(0, 128)),
    )


@given(any_rule())
def test_a_rule_that_pyroute2_wrote_is_read(rule):
    assert policies.decode(pyroute.written(RULE, *pyroute.rule(rule))) == rule


@pytest.mark.parametrize("version", [4, 6])
def test_the_rules_of_an_ip_version_are_asked_for(version):
    fields = {"family": pyroute.FAMILIES[version]}
    assert pyroute.read(RULE, drawn.get_request(RULE, policies.ALL[version]), fields) == (fields, {})


@pytest.mark.parametrize(
    ("fields", "attributes"), [({"action": 5}, {}), ({}, {"FRA_TUN_ID": 1})], ids=["an action", "a condition"]
)
def test_a_rule_of_which_something_is_not_understood_says_so(fields, attributes):
    usual, described = pyroute.rule(PolicyRule(5, 100))
    assert policies.decode(pyroute.written(RULE, usual | fields, described | attributes)).unread
