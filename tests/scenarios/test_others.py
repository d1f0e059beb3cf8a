"""Beside programs that change rules all the time: none of theirs is lost, doubled or moved, none of ours missing."""

from __future__ import annotations

import re

import pytest

from tests.scenarios.others import company

CHAINS = [("nat", "POSTROUTING"), ("nat", "DOCKER"), ("filter", "FORWARD"), ("filter", "DOCKER")]
REMOVED = [
    "-A POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE",
    "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
]
"""What the spec has taken away, and a rollback puts back."""


def foreign(node, table, chain):
    """Return the rules of a chain that are neither podnet's nor taken away by it."""
    lines = node.shell(f"iptables-{node.backend} -t {table} -S {chain}").splitlines()
    rules = [line for line in lines if line.startswith("-A ") and "PODNET-" not in line and line not in REMOVED]
    return [re.sub(rf"^-A {chain} ", "", rule) for rule in rules]


def among(rules, before):
    """Return rules as they should be in the end: the former ones between those that came on top and at the end."""
    top = [rule for rule in rules if " ! -o br-" in rule]
    return [*top, *before, *rules[len(top) :]]


@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_what_others_write_meanwhile_stays_as_they_wrote_it(node, applied_images, rounds):
    node.shell('rm -rf "$PODNET_VAR_DIR"')
    before = {chain: foreign(node, *chain) for chain in CHAINS}
    assert node.apply().code == 0
    with company(node) as at_work:
        codes = [node.podnet(*words, "--yes").code for words in [("rollback",), ("apply", node.spec)] * (rounds // 2)]
        others = at_work.stop()
    assert {*codes} <= {0, 3, 4}
    assert 0 in codes
    assert {chain: foreign(node, *chain) for chain in CHAINS} == {
        chain: among(others.rules(*chain), before[chain]) for chain in CHAINS
    }
    assert foreign(node, "nat", "KUBE-SERVICES") == others.jumps
    assert (node.podnet("apply", node.spec, "--yes").code, node.drift().code) == (0, 0)
