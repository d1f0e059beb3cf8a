"""Which run a test belongs to is found out from where it lies and what its code leads to."""

from __future__ import annotations

import functools

import pytest
from hypothesis import settings

from tests.kinds.observed import observed
from tests.runs import examples, leads_into_namespaces, second_fields
from tests.scratch import in_scratch


class Node:
    def look(self):
        return in_scratch(list)


def through_a_helper(folder):
    return observed("ip link", folder)


def within_a_function_of_its_own():
    def run():
        return in_scratch(list)

    return run


def through_a_class():
    return Node().look()


def through_itself():
    return through_itself() or functools.reduce


@pytest.mark.parametrize("function", [through_a_helper, within_a_function_of_its_own, through_a_class])
def test_code_that_leads_into_a_namespace_is_found(function):
    assert leads_into_namespaces(function)


@pytest.mark.parametrize("function", [through_itself, print])
def test_other_code_is_fast(function):
    assert not leads_into_namespaces(function)


@pytest.mark.parametrize(("of_the_profile", "tried"), [(100, 300), (20, 60)])
def test_a_run_of_fewer_examples_has_fewer_of_each_test(of_the_profile, tried):
    assert examples(300, settings(max_examples=of_the_profile)).max_examples == tried


def kept(*cases):
    numbered = dict(enumerate(cases))
    left = list(second_fields(numbered))
    return [case for number, case in numbered.items() if number not in left]


def test_each_case_is_tried_with_one_packet_filter_and_the_next_with_the_other():
    cases = [("test", {"backend": backend, "case": case}) for backend in (0, 1) for case in (0, 1, 2)]
    assert [tuple(numbers.values()) for _, numbers in kept(*cases)] == [(0, 0), (0, 2), (1, 1)]


def test_tests_without_cases_take_turns():
    assert kept(*[(name, {"backend": backend}) for name in "ab" for backend in (0, 1)]) == [
        ("a", {"backend": 0}),
        ("b", {"backend": 1}),
    ]


def test_a_test_of_one_packet_filter_or_of_none_keeps_all_cases():
    cases = [
        *(("one", {"backend": 0, "case": case}) for case in (0, 1)),
        *(("none", {"case": case}) for case in (0, 1)),
    ]
    assert kept(*cases) == cases
