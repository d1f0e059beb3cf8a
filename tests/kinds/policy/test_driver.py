from __future__ import annotations

import pytest

from netplan.kinds.policy.value import DEFAULTS, IPV6_DEFAULTS, PolicyRule
from tests.kinds.observed import observed

SHOWN = {
    "from 10.0.0.0/8 to 172.7.22.2 lookup 100": "from 10.0.0.0/8 to 172.7.22.2/32 lookup 100",
    "fwmark 0x1/0x3 lookup 1001": "from all fwmark 0x1/0x3 lookup 1001",
    "fwmark 0x1 lookup main": "from all fwmark 0x1 lookup main",
    "fwmark 0/0x4 lookup default": "from all fwmark 0x0/0x4 lookup default",
    "not from 10.0.0.0/8 iif lo oif eth9 blackhole": "not from 10.0.0.0/8 iif lo oif eth9 blackhole",
    "tos 0x10 prohibit": "from all tos 0x10 prohibit",
    "unreachable": "from all unreachable",
    "goto 900": "from all goto 900",
    "nop": "from all nop",
    "lookup main suppress_prefixlength 0": "from all lookup main suppress_prefixlength 0",
    "uidrange 0-0 lookup 100": "from all (and more) lookup 100",
    "ipproto tcp dport 80 lookup 100": "from all (and more) lookup 100",
    "lookup main suppress_ifgroup 7": "from all (and more) lookup main",
}


SHOWN_6 = {
    "from fd00::/8 to fd00:7:0:22::2 lookup 100": "from fd00::/8 to fd00:7:0:22::2/128 lookup 100",
    "fwmark 0x1/0x3 iif eth9 lookup 1001": "from all fwmark 0x1/0x3 iif eth9 lookup 1001",
    "not from fd00::/8 blackhole": "not from fd00::/8 blackhole",
    "lookup main suppress_prefixlength 0": "from all lookup main suppress_prefixlength 0",
    "ipproto tcp dport 80 lookup 100": "from all (and more) lookup 100",
}
"""The same for IPv6."""


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The rules of a kernel with one of each kind, by IP version and priority; those of every node included."""
    lines = [f"ip rule add {rule} pref {100 + at}" for at, rule in enumerate(SHOWN)]
    lines += [f"ip -6 rule add {rule} pref {100 + at}" for at, rule in enumerate(SHOWN_6)]
    observation = observed("\n".join(lines), tmp_path_factory.mktemp("rules"))
    return {(rule.version, rule.priority): rule for rule in map(PolicyRule.from_json, observation["rules"])}


@pytest.mark.parametrize(("written", "shown"), SHOWN.items())
def test_a_rule_is_read(rules, written, shown):
    assert str(rules[4, 100 + [*SHOWN].index(written)]) == shown


@pytest.mark.parametrize(("written", "shown"), SHOWN_6.items())
def test_a_rule_of_ipv6_is_read(rules, written, shown):
    assert str(rules[6, 100 + [*SHOWN_6].index(written)]) == shown


def test_the_rules_of_every_node_are_read_in_their_places(rules):
    in_order = [rule for (version, _), rule in rules.items() if version == 4]
    assert [*in_order[:1], *in_order[-2:]] == [*DEFAULTS]


def test_ipv6_has_no_default_table(rules):
    in_order = [rule for (version, _), rule in rules.items() if version == 6]
    assert [*in_order[:1], *in_order[-1:]] == [*IPV6_DEFAULTS]
