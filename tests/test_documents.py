"""What is wrong with a JSON file that podnet did not write so."""

from __future__ import annotations

import json

import pytest

from netplan.documents import (
    INVALID_JSON_VALUE,
    FormatError,
    MisplacedError,
    check_format,
    explained,
    of_format,
    read_all,
    why,
    within,
)


def raised(read):
    """Return what reading raises."""
    with pytest.raises(INVALID_JSON_VALUE) as caught:
        read()
    return caught.value


@pytest.mark.parametrize(("version", "same"), [("1.0", True), ("1.9", True), ("2.0", False), ("10.0", False)])
def test_a_format_is_another_one_if_its_first_number_is(version, same):
    if same:
        check_format({"format_version": version}, "1.2")
    else:
        with pytest.raises(FormatError, match=f"^format {version}; this podnet reads 1.2$"):
            check_format({"format_version": version}, "1.2")


@pytest.mark.parametrize(("version", "error"), [("1.3", FormatError), ("1.2", KeyError), ("1.x", KeyError)])
def test_what_can_not_be_read_is_new_in_a_later_format_and_damage_in_any_other(version, error):
    with pytest.raises(error), of_format({"format_version": version}, "1.2"):
        raise KeyError("nodes")


def test_an_item_that_is_wrong_is_named_by_its_list_and_number():
    error = raised(lambda: read_all("routes", ["1", "x"], int))
    assert str(error) == "routes[1]: invalid literal for int() with base 10: 'x'"


def test_the_way_to_what_is_wrong_leads_through_all_that_holds_it():
    def read(item):
        with within("chain"):
            return read_all("rules", item, int)

    error = raised(lambda: read_all("chains", [["1"], ["1", "x"]], read))
    assert str(error).startswith("chains[1].chain.rules[1]: invalid literal")


def test_what_is_right_is_read():
    with within("chain"):
        assert read_all("rules", ["1", "2"], int) == [1, 2]


def test_within_something_any_wrong_value_has_its_place():
    with pytest.raises(MisplacedError, match=r"^chain: the key 'name' is missing$"), within("chain"):
        raise KeyError("name")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1 2]", "f.json:1:4: invalid JSON, and so not a record: Expecting ',' delimiter"),
        ('{"a": 1,\n x}', "f.json:2:2: invalid JSON, and so not a record: Expecting property name"),
        ('{"a": ', "; the file ends too early"),
        ('{"a": "x', "; the file ends too early"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text, said):
    message = explained(raised(lambda: json.loads(text)), "f.json", "a record")
    assert said in message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(13, "Permission denied"), "Permission denied"),
        (KeyError("name"), "the key 'name' is missing"),
        (TypeError("int"), "a value of another type is expected (int)"),
        (RecursionError(), "it is nested too deeply"),
        (ValueError("no address"), "no address"),
    ],
)
def test_what_reading_raised_is_said_in_words(error, words):
    assert why(error) == words
    assert explained(error, "f.json", "a record") == f"f.json is not a record: {words}"
