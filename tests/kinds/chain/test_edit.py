from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.kinds.chain.edit import ConflictError, Slot, changes_to, commands, edited
from netplan.kinds.chain.value import Chain, PlacedRule
from netplan.kinds.resource import Change
from tests import make

A, B, C, D = make.rules("-s 10.0.0.1/32 -j ACCEPT", "-s 10.0.0.2/32 -j ACCEPT", "-j DROP", "-j RETURN")
KEY = make.FORWARD
REASONS = dict.fromkeys((A, B, C, D), make.WHY)

chains = st.lists(st.sampled_from([A, B, C, D]), max_size=7)


@st.composite
def edits(draw):
    """Draw a chain and the slots of what it should become: some rules stay in their order, some come."""
    now = draw(chains)
    slots = [Slot(rule, index) for index, rule in enumerate(now) if draw(st.booleans())]
    for rule in draw(chains):
        slots.insert(draw(st.integers(0, len(slots))), Slot(rule))
    return now, slots


def placed(position, rule):
    return PlacedRule(KEY, position, rule)


def obeyed(now, lines):
    """Do what iptables-restore does with -D and -I."""
    rules = list(map(str, now))
    for line in lines:
        verb, _, rest = line.split(" ", 2)
        if verb == "-D":
            rules.remove(rest)
        else:
            position, text = rest.split(" ", 1)
            assert 1 <= int(position) <= len(rules) + 1
            rules.insert(int(position) - 1, text)
    return rules


@given(edits())
def test_changes_lead_from_what_is_to_what_should_be(case):
    now, slots = case
    after = edited(Chain(KEY, tuple(now)), changes_to(KEY, now, slots, REASONS))
    assert [*after.rules] == [slot.rule for slot in slots]


@given(edits())
def test_iptables_restore_makes_of_the_lines_what_the_changes_say(case):
    now, slots = case
    chain = Chain(KEY, tuple(now))
    changes = changes_to(KEY, now, slots, REASONS)
    assert obeyed(now, commands(chain, changes)) == make.texts(edited(chain, changes).rules)


@given(edits())
def test_a_rule_that_stays_has_no_change(case):
    now, slots = case
    stays = {slot.origin for slot in slots}
    for change in changes_to(KEY, now, slots, REASONS):
        assert change.before is None or change.before.position - 1 not in stays


def test_a_rule_that_only_changes_its_place_is_moved():
    (change,) = changes_to(KEY, [A, B], [Slot(B, 1), Slot(A)], REASONS)
    assert (change.action, change.before, change.after) == ("move", placed(1, A), placed(2, A))


def test_a_rule_that_goes_must_stand_where_the_change_says():
    with pytest.raises(ConflictError, match="rule 1 of filter FORWARD is not"):
        edited(Chain(KEY, (B, A)), [Change(placed(1, A), None, make.WHY)])


def test_a_rule_that_goes_must_not_stand_behind_the_end():
    with pytest.raises(ConflictError, match="rule 2 of filter FORWARD is not"):
        edited(Chain(KEY, (A,)), [Change(placed(2, A), None, make.WHY)])


def test_a_rule_does_not_come_behind_the_end():
    with pytest.raises(ConflictError, match="filter FORWARD has no position 3"):
        edited(Chain(KEY, (A,)), [Change(None, placed(3, B), make.WHY)])


def test_the_policy_of_an_edited_chain_stays():
    assert edited(Chain(KEY, (A,), "DROP"), [Change(placed(1, A), None, make.WHY)]).policy == "DROP"


def test_the_second_of_equal_rules_goes_by_taking_both_and_putting_one_back():
    now = Chain(KEY, (A, B, A))
    assert [*commands(now, [Change(placed(3, A), None, make.WHY)])] == [
        f"-D FORWARD {A}",
        f"-D FORWARD {A}",
        f"-I FORWARD 1 {A}",
    ]


def test_rules_go_by_their_text_and_not_by_their_number():
    assert [*commands(Chain(KEY, (B, A)), [Change(placed(2, A), None, make.WHY)])] == [f"-D FORWARD {A}"]
