from __future__ import annotations

import pytest

from netplan.kinds.policy.value import DEFAULTS, PolicyRule
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


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The rules of a kernel with one of each kind; those that everybody has included."""
    script = "\n".join(f"ip rule add {rule} pref {100 + at}" for at, rule in enumerate(SHOWN))
    found = observed(script, tmp_path_factory.mktemp("rules"))
    return {rule.priority: rule for rule in map(PolicyRule.from_json, found["rules"])}


@pytest.mark.parametrize(("written", "shown"), SHOWN.items())
def test_a_rule_is_read(rules, written, shown):
    assert str(rules[100 + [*SHOWN].index(written)]) == shown


def test_the_rules_of_every_node_are_read_in_their_places(rules):
    assert [*rules.values()][:1] + [*rules.values()][-2:] == [*DEFAULTS]
