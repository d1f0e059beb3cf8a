"""python-iptables as a second opinion: what it decodes from the legacy tables is what we parse.

It runs in a child process and a network namespace of its own, and reads only tables that the payload has made.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from netplan.net import Address
from netplan.netfilter.iptables.names import PROTOCOL_NAMES
from tests.kinds.chain.scratch import run
from tests.netfilter.iptables.every_kind import CHAIN, payload, rules_by_table

DECODER = Path(__file__).with_name("decode_with_iptc.py")
THEIR_PROTOCOLS = PROTOCOL_NAMES | {4: "ipip"}


def as_iptc_says(rule):
    """Return the rule's parts in python-iptables' words."""

    def in_words(condition, spell=str, default=None):
        return default if condition is None else f"{'!' * condition.negated}{spell(condition.value)}"

    def address(value):
        return f"{Address(4, value.value)}/{Address(4, value.mask)}"

    return {
        "src": in_words(rule.source, address, "0.0.0.0/0.0.0.0"),
        "dst": in_words(rule.destination, address, "0.0.0.0/0.0.0.0"),
        "in": in_words(rule.in_interface),
        "out": in_words(rule.out_interface),
        "protocol": in_words(rule.protocol, lambda number: THEIR_PROTOCOLS.get(number, str(number)), "ip"),
        "target": rule.target.name if rule.target else None,
        "matches": [match.name for match in rule.matches],
    }


RULES = [rule for rules in rules_by_table().values() for rule in rules]


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    tables = rules_by_table()
    lock = tmp_path_factory.mktemp("lock") / "lock"
    done = run([sys.executable, str(DECODER), CHAIN, *tables], lock, payload(tables))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("index", range(len(RULES)), ids=[str(rule)[:80] for rule in RULES])
def test_python_iptables_decodes_what_we_parse(decoded, index):
    assert decoded[index] == as_iptc_says(RULES[index])
