"""The laws of sets as intervals, held against Python's own sets of small numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netplan.net import Prefix
from netplan.trace.intervals import contains, join, meet, minus, of_prefix, of_prefixes, only, single, size, union

SETS = st.frozensets(st.integers(0, 40), max_size=25)


def intervals(numbers):
    return union((number, number) for number in numbers)


@given(SETS)
def test_a_set_has_one_form_in_which_no_two_intervals_touch(numbers):
    flat = intervals(numbers)
    assert all(earlier + 1 < later for earlier, later in zip(flat[1:-1:2], flat[2::2], strict=True))
    assert {number for number in range(-2, 44) if contains(flat, number)} == numbers


@given(SETS, SETS)
def test_what_is_in_both_sets_in_either_and_in_one_alone(one, other):
    left, right = intervals(one), intervals(other)
    assert meet(left, right) == intervals(one & other)
    assert join(left, right) == intervals(one | other)
    assert minus(left, right) == intervals(one - other)


@given(SETS)
def test_the_numbers_are_counted(numbers):
    assert size(intervals(numbers)) == len(numbers)
    assert single(intervals(numbers)) == (min(numbers) if len(numbers) == 1 else None)


def test_prefixes_that_touch_are_one_interval():
    assert of_prefixes(map(Prefix.parse, ("10.0.1.0/24", "10.0.0.0/24"))) == (10 << 24, (10 << 24) + 511)
    assert only(3) == (3, 3)


PREFIXES = st.builds(lambda value, length: Prefix(4, value, 32).within(length), st.integers(0, 63), st.integers(26, 32))


@given(st.lists(PREFIXES, max_size=12))
def test_prefixes_are_the_set_of_their_addresses_whichever_lies_in_which(prefixes):
    assert of_prefixes(prefixes) == union(map(of_prefix, prefixes))
