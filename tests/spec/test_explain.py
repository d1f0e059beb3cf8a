"""Mistakes that pydantic finds, in plain words and at their places."""

from __future__ import annotations

import pytest

from netplan.spec.explain import dotted, suggest
from tests.spec.factory import A, B, cursor, mistakes, only_problem, spec_text


@pytest.mark.parametrize(
    ("path", "text"),
    [(("firewall", "remove", 0, "rule"), "firewall.remove[0].rule"), (("nodes", "a"), "nodes.a"), ((), "")],
)
def test_a_path_is_written_as_people_do(path, text):
    assert dotted(path) == text


@pytest.mark.parametrize(("word", "meant"), [("adress", "address"), ("nonsense", "")])
def test_the_word_that_was_meant_is_close_or_none(word, meant):
    assert suggest(word, ("address", "subnet")) == meant


def test_a_required_key_that_is_misspelt_is_told_once_with_the_one_that_was_meant():
    problem = only_problem(spec_text(A, B, cluster=None, clustr="c"))
    assert (problem.message, problem.hint) == ("clustr: there is no such key", "did you mean cluster?")


def test_a_key_that_no_other_is_like_comes_with_those_that_there_are():
    problem = only_problem(spec_text(defaults="{xyzzy: 1}"))
    assert (problem.message, problem.hint) == (
        "defaults.xyzzy: there is no such key",
        "the keys here are: interface, bridge, mtu, blackhole",
    )


def test_a_required_key_that_is_missing_is_told_at_its_section_with_an_example():
    text = spec_text(A, B, cluster=None)
    problem = only_problem(text)
    assert (problem.message, problem.hint[:27]) == ("the spec has no cluster", "add a key such as cluster: ")


def test_a_value_of_few_comes_with_the_one_that_was_meant():
    text = spec_text(backend="{type: vxlam}")
    problem = only_problem(text)
    assert (problem.message, problem.hint, str(problem.at)) == (
        "backend.type: expected host-gw or vxlan, found 'vxlam'",
        "did you mean vxlan?",
        cursor(text, "vxlam"),
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"defaults": "[1]"}, "defaults: expected a mapping, found a list"),
        ({"checks": "{}"}, "checks: expected a list, found a mapping"),
    ],
)
def test_what_has_another_form_is_told_with_the_one_that_it_should_have(keys, message):
    assert mistakes(A, B, **keys) == [message]
