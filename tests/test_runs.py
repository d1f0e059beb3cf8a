"""Which run a test belongs to is found out from where it lies and what its code leads to."""

from __future__ import annotations

import functools

import pytest
from hypothesis import settings

from tests.kinds.observed import observed
from tests.runs import examples, leads_into_namespaces
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
