"""YAML text becomes data with places, or an error with a place."""

from __future__ import annotations

import pytest
import yaml

from netplan.errors import SpecError
from netplan.spec.yaml import document
from netplan.spec.yaml.document import compose
from netplan.spec.yaml.scalars import Plain
from tests.spec.factory import only_problem, spec_text

LAUGHS = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def loader(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)


def refused(text):
    with pytest.raises(SpecError) as caught:
        compose(text, "s.yaml")
    return caught.value.problems[-1]


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (("nodes",), "s.yaml:2:1"),
        (("nodes", "a"), "s.yaml:3:3"),
        (("nodes", "a", "subnet"), "s.yaml:3:30"),
        (("nodes", "b", "address"), "s.yaml:5:5"),
        (("list", 1), "s.yaml:6:11"),
    ],
)
def test_every_key_has_its_place(keys, place):
    text = """version: 1
nodes:
  a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}
  b:
    address: 10.4.7.22/24
list: [x, y]
"""
    assert str(compose(text, "s.yaml").places.key(*keys)) == place


def test_a_value_has_its_own_place():
    assert str(compose("a: {b:  c}", "s.yaml").places.value("a", "b")) == "s.yaml:1:9"


def test_an_absent_key_has_the_place_of_its_nearest_ancestor():
    assert str(compose("x: 1\na: {b: c}", "s.yaml").places.value("a", "d", "e")) == "s.yaml:2:1"


def test_columns_count_characters_and_not_bytes():
    assert str(compose("{é€: 1, b: 2}", "s.yaml").places.key("b")) == "s.yaml:1:9"


def test_quoted_scalars_are_texts():
    assert compose("{a: '1', b: \"no\", c: !!str 7}", "s.yaml").data == {"a": "1", "b": "no", "c": "7"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", Plain("7", "a number", 7)),
        ("0x10", Plain("0x10", "a number", 16)),
        ("off", Plain("off", "true or false", False)),
        ("1.5", Plain("1.5", "a fraction")),
        ("2026-01-31", Plain("2026-01-31", "a date")),
        ("1:30", Plain("1:30", "a number in base 60")),
        ("010", Plain("010", "a number in base 8")),
        ("~", Plain("~", "nothing")),
        ("9" * 5000, Plain("9" * 5000, "a number of a kind that no key takes")),
    ],
)
def test_a_scalar_that_yaml_takes_for_no_text_says_so(text, value):
    assert compose(f"a: {text}", "s.yaml").data["a"] == value


def test_an_alias_is_the_value_that_it_names():
    assert compose("a: &x {k: v}\nb: *x", "s.yaml").data["b"] == {"k": "v"}


def test_a_merge_fills_in_what_the_mapping_does_not_say_itself():
    assert compose("a: &x {k: v, l: w}\nb: {<<: *x, l: mine}", "s.yaml").data["b"] == {"k": "v", "l": "mine"}


def test_the_first_of_several_merged_mappings_wins():
    assert compose("a: &x {k: 'x'}\nb: &y {k: 'y'}\nc: {<<: [*x, *y]}", "s.yaml").data["c"] == {"k": "x"}


def test_a_merged_key_has_the_place_where_it_is_written():
    assert str(compose("a: &x {k: v}\nb: {<<: *x}", "s.yaml").places.key("b", "k")) == "s.yaml:1:8"


def test_a_merge_of_something_else_is_a_problem():
    (problem,) = compose("b: {<<: word}", "s.yaml").problems
    assert (str(problem.at), problem.message) == ("s.yaml:1:9", "<< merges mappings, and this is none")


def test_a_duplicate_key_is_a_problem_with_both_places():
    (problem,) = compose("a: 1\nb: 2\na: 3", "s.yaml").problems
    assert (str(problem.at), str(problem.related[0][0])) == ("s.yaml:3:1", "s.yaml:1:1")


def test_a_key_that_yaml_takes_for_no_text_is_to_be_quoted():
    (problem,) = compose("nodes: {1: {}}", "s.yaml").problems
    assert (str(problem.at), problem.hint) == ("s.yaml:1:9", 'write it in quotes: "1"')


def test_a_list_as_a_key_is_a_problem():
    (problem,) = compose("? [a]\n: b", "s.yaml").problems
    assert problem.message.startswith("this key is a mapping or a list")


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!custom", "!!binary", "!!set"])
def test_a_tag_without_meaning_is_a_problem(tag):
    (problem,) = compose(f"a: {tag} x", "s.yaml").problems
    assert (str(problem.at), "has no meaning here" in problem.message) == ("s.yaml:1:4", True)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "s.yaml:1:1", "the file is empty"),
        ("# nothing\n", "s.yaml:2:1", "the file is empty"),
        ("- a\n", "s.yaml:1:1", "the top level is not a mapping"),
        ("a: 1\n---\nb: 2\n", "s.yaml:2:1", "a second document begins here"),
        ("a: b: c\n", "s.yaml:1:5", "mapping values are not allowed"),
        ("a:\n\t- b\n", "s.yaml:2:1", "a tab"),
        ("a: *b\n", "s.yaml:1:4", "no anchor &b stands before"),
        ("a: &b [*b]\n", "s.yaml:1:8", "the alias *b stands inside"),
        ("a: x\nb: y\0z\n", "s.yaml:2:5", r"the character \x00 must not stand"),
        ("a: x\x1b[31m\n", "s.yaml:1:5", r"the character \x1b must not stand"),
        ("a: \ud800\n", "s.yaml:1:4", r"the character \xd800 must not stand"),
        pytest.param("[" * 100_000, "s.yaml:1:34", "nested deeper than 32 levels", marks=pytest.mark.slow),
        ("[" * 100, "s.yaml:1:34", "nested deeper than 32 levels"),
        ("l0: &l0 [x, x]\n" + LAUGHS, "s.yaml:4:", "aliases make more values"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_single_mapping_is_refused_at_its_place(text, place, message):
    problem = refused(text)
    assert str(problem.at).startswith(place)
    assert problem.message.startswith(message)


@pytest.mark.parametrize("escape", [r"\UFFFFFFFF", r"\U00110000"])
def test_an_escape_that_is_no_character_is_refused(escape):
    assert refused(f'a: "{escape}"').at.line == 1


def test_a_syntax_error_names_what_it_belongs_to():
    assert str(refused('a: "x\n').related[0][0]) == "s.yaml:1:4"


def test_many_small_aliases_are_no_explosion():
    nodes = "\n".join(f"n{n}: {{<<: *x, address: 10.0.0.{n}}}" for n in range(200))
    assert compose(f"x: &x {{k: v}}\n{nodes}", "s.yaml").data["n199"] == {"k": "v", "address": "10.0.0.199"}


def test_a_byte_order_mark_is_no_part_of_the_first_key():
    assert compose("\ufeffa: b", "s.yaml").data == {"a": "b"}


def test_problems_before_a_syntax_error_are_reported_with_it():
    with pytest.raises(SpecError) as caught:
        compose("a: 1\na: 2\nb: *c", "s.yaml")
    assert [problem.at.line for problem in caught.value.problems] == [2, 3]


def test_a_spec_with_a_duplicate_key_does_not_load():
    assert only_problem("version: 1\n" + spec_text()).message == "the key version stands twice in one mapping"
