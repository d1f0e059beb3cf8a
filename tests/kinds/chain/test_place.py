from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netplan.kinds.chain.edit import by_chain, changes_to, edited
from netplan.kinds.chain.place import Span, arrange, put_back, rebased
from netplan.kinds.chain.value import Chain, jump_to
from tests import make

JUMP = jump_to(make.FORWARD_CHAIN)
OLD_JUMP = make.rule("-j PODNET-FORWARD")
A, B, C, OURS = make.rules("-s 10.0.0.1/32 -j ACCEPT", "-s 10.0.0.2/32 -j ACCEPT", "-j DROP", "-j REJECT")
NEW = make.rule("-s 10.0.0.9/32 -j ACCEPT")


def arranged(now, low, high, *, jump=JUMP, removed=()):
    return [slot.rule for slot in arrange(now, jump, removed, lambda _: Span(low, high))]


def back(before, now, touched=(OURS,)):
    return [slot.rule for slot in put_back(before, now, touched)]


def test_a_jump_that_is_not_there_comes_to_the_end_of_its_span():
    assert arranged([A, B, C], 0, 2) == [A, B, JUMP, C]


def test_a_jump_within_its_span_stays_where_it_is():
    assert arranged([A, JUMP, B, C], 0, 3) == [A, JUMP, B, C]


def test_a_jump_that_stays_is_no_change():
    slots = arrange([A, JUMP, B], JUMP, (), lambda _: Span(0, 2))
    assert not changes_to(make.FORWARD, [A, JUMP, B], slots, {})


def test_a_jump_that_was_overtaken_moves():
    assert arranged([A, B, JUMP], 0, 1) == [A, JUMP, B]


def test_a_jump_before_its_span_moves():
    assert arranged([JUMP, A, B, C], 2, 2) == [A, B, JUMP, C]


def test_of_two_jumps_the_one_within_the_span_stays():
    slots = arrange([JUMP, A, JUMP, B], JUMP, (), lambda _: Span(1, 1))
    assert [slot.origin for slot in slots] == [1, 2, 3]


def test_a_jump_that_is_written_otherwise_goes():
    assert arranged([OLD_JUMP, A], 0, 1) == [A, JUMP]


def test_without_a_jump_every_jump_of_ours_goes():
    assert arranged([JUMP, A, OLD_JUMP, B, JUMP], 0, 0, jump=None) == [A, B]


def test_a_rule_that_must_not_exist_goes_every_time_it_stands_there():
    assert arranged([C, A, C], 0, 0, removed=[C]) == [JUMP, A]


def test_the_span_is_asked_about_the_foreign_rules_that_stay():
    after = arrange([A, JUMP, C, B], JUMP, [C], lambda rules: Span(rules.index(B), rules.index(B)))
    assert [slot.rule for slot in after] == [A, JUMP, B]


@given(st.lists(st.sampled_from([A, B, C, JUMP, OLD_JUMP])), st.integers(0, 5), st.integers(0, 5))
def test_arranging_keeps_foreign_rules_in_their_order_with_one_jump_among_them(now, one, other):
    foreign = [rule for rule in now if rule in (A, B, C)]
    span = Span(*sorted(min(gap, len(foreign)) for gap in (one, other)))
    after = [slot.rule for slot in arrange(now, JUMP, (), lambda _: span)]
    assert [rule for rule in after if rule != JUMP] == foreign
    assert span.low <= after.index(JUMP) <= span.high
    assert after.count(JUMP) == 1


def test_what_was_taken_away_comes_back_behind_the_rule_that_it_followed():
    assert back([A, OURS, B], [A, B]) == [A, OURS, B]


def test_what_was_put_in_goes_again():
    assert back([A, B], [A, JUMP, B]) == [A, B]


def test_what_others_added_meanwhile_stays():
    assert back([A, OURS, B], [NEW, A, B]) == [NEW, A, OURS, B]


def test_where_the_rule_before_has_gone_the_one_before_that_counts():
    assert back([A, B, OURS, C], [A, C]) == [A, OURS, C]


def test_where_every_rule_before_has_gone_it_comes_first():
    assert back([A, OURS, C], [C]) == [OURS, C]


def test_what_stands_right_already_is_not_moved():
    slots = put_back([A, OURS, B], [A, NEW, OURS, B], [OURS])
    assert [slot.origin for slot in slots] == [0, 1, 2, 3]


def test_equal_rules_come_back_as_often_as_they_were_there():
    assert back([OURS, A, OURS, OURS], [A]) == [OURS, A, OURS, OURS]


def test_equal_rules_that_are_too_many_go():
    assert back([A, OURS], [OURS, A, OURS]) == [A, OURS]


@given(st.lists(st.sampled_from([A, B, C, JUMP, OURS])), st.lists(st.sampled_from([A, B, C, NEW, JUMP, OURS])))
def test_putting_back_keeps_others_rules_and_brings_back_all_of_ours(before, now):
    after = back(before, now)
    assert [rule for rule in after if rule not in (OURS, JUMP)] == [rule for rule in now if rule not in (OURS, JUMP)]
    assert [rule for rule in after if rule in (OURS, JUMP)] == [rule for rule in before if rule in (OURS, JUMP)]


@given(st.lists(st.sampled_from([A, B, C, JUMP, OURS])), st.lists(st.sampled_from([A, B, C, NEW, JUMP, OURS])))
def test_putting_back_twice_is_putting_back_once(before, now):
    after = back(before, now)
    slots = put_back(before, after, [OURS])
    assert [slot.origin for slot in slots] == [*range(len(after))]


def written(before, wanted, now):
    """Return the rules of a chain in which others have changed the rules before, once the changes are written."""
    was, there = Chain(make.FORWARD, tuple(before)), Chain(make.FORWARD, tuple(now))
    reasons = dict.fromkeys((*before, *wanted, JUMP, OURS), make.WHY)
    slots = put_back(wanted, before, {OURS})
    changes = changes_to(make.FORWARD, before, slots, reasons)
    placed = by_chain(rebased(changes, [was], {make.FORWARD: there}))
    return list(edited(there, placed.get(make.FORWARD, ())).rules)


def test_a_jump_comes_behind_the_rule_that_it_would_have_followed():
    assert written([A, B, C], [A, JUMP, B, C], [NEW, A, B, C]) == [NEW, A, JUMP, B, C]


def test_a_rule_that_others_have_shifted_goes_all_the_same():
    assert written([A, OURS, B], [A, B], [NEW, A, OURS, B]) == [NEW, A, B]


def test_a_rule_that_others_have_taken_away_need_not_go():
    assert written([A, OURS, B], [A, B], [NEW, A, B]) == [NEW, A, B]


def test_what_stands_where_it_should_is_written_no_more():
    was, there = Chain(make.FORWARD, (A, B)), Chain(make.FORWARD, (A, JUMP, B))
    changes = changes_to(make.FORWARD, was.rules, put_back(there.rules, was.rules, ()), {JUMP: make.WHY})
    assert rebased(changes, [was], {make.FORWARD: there}) == []


@given(st.permutations([A, B, C, OURS]), st.permutations([A, B, C, JUMP]), st.permutations([A, B, C, NEW, OURS]))
def test_changes_leave_the_rules_of_others_as_others_have_put_them(before, wanted, now):
    assert [rule for rule in written(before, wanted, now) if rule != JUMP] == [rule for rule in now if rule != OURS]
