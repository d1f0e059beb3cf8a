from __future__ import annotations

import pytest

from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule, is_our_jump, jump_to
from tests import make

PLACED = PlacedRule(make.POSTROUTING, 2, make.rule(make.DOCKER_MASQUERADE))
CHAIN = Chain(make.FORWARD_CHAIN, make.rules("-s 172.7.0.0/16 -j ACCEPT", '-m comment --comment "a \\"b\\"" -j LOG'))


def test_a_chain_is_named_as_its_table_and_its_name():
    assert str(make.POSTROUTING) == "nat POSTROUTING"
    assert str(make.POSTROUTING._replace(version=6)) == "ip6 nat POSTROUTING"


@pytest.mark.parametrize(("name", "ours"), [("PODNET-X", True), ("MY-PODNET-X", False), ("FORWARD", False)])
def test_a_chain_is_ours_by_the_start_of_its_name(name, ours):
    assert Chain(ChainKey(4, "filter", name)).ours is ours


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("-m comment --comment podnet -j PODNET-FORWARD", True),
        ("-s 10.0.0.0/8 -g PODNET-FORWARD", True),
        ("-m comment --comment podnet -j ACCEPT", False),
        ("-m comment --comment PODNET-FORWARD", False),
    ],
)
def test_a_jump_is_ours_by_the_chain_that_it_leads_into(text, ours):
    assert is_our_jump(make.rule(text)) is ours


def test_our_jump_carries_our_comment():
    assert str(jump_to(make.FORWARD_CHAIN)) == "-m comment --comment podnet -j PODNET-FORWARD"


@pytest.mark.parametrize(("count", "text"), [(0, "0 rules"), (1, "1 rule"), (2, "2 rules")])
def test_a_chain_says_how_many_rules_it_has(count, text):
    assert str(Chain(make.FORWARD_CHAIN, make.rules("-j LOG") * count)) == f"filter PODNET-FORWARD, {text}"


def test_a_rule_says_where_it_stands():
    assert str(PLACED) == f"nat POSTROUTING 2: {make.DOCKER_MASQUERADE}"


def test_equal_rules_at_different_places_are_different_objects():
    assert PLACED.key != PlacedRule(PLACED.chain, 3, PLACED.rule).key


@pytest.mark.parametrize(
    "chain", [CHAIN, Chain(CHAIN.key, CHAIN.rules, "DROP"), Chain(CHAIN.key, unread=20001)], ids=str
)
def test_a_chain_is_read_back_from_its_json(chain):
    assert Chain.from_json(chain.to_json()) == chain


def test_a_rule_is_read_back_from_its_json():
    assert PlacedRule.from_json(PLACED.to_json()) == PLACED


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 5},
        {"table": "bogus"},
        {"table": "nat\n*filter"},
        {"chain": ""},
        {"chain": "A B"},
        {"chain": "A\nB"},
        {"chain": "-F"},
        {"chain": "\x1b[31m"},
        {"chain": "A" * 29},
        {"position": 0},
        {"position": -1},
        {"rule": "-j ACCEPT\n-F"},
        {"rule": "-A FORWARD -j ACCEPT"},
    ],
    ids=str,
)
def test_json_that_names_no_rule_in_a_chain_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        PlacedRule.from_json(PLACED.to_json() | wrong)
