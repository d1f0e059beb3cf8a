"""Values as a file has them, and what is said of one that a key can't take."""

from __future__ import annotations

import pytest

from netplan.spec.readers import MAX_TEXT, WrongValueError, described, flag, text, unwrap, whole_number
from netplan.spec.yaml.scalars import plain_scalar

NUMBER = text("a number", int)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a b", "'a b'"),
        ("x" * 100, repr("x" * 76 + " ...")),
        ({}, "a mapping"),
        ([1], "a list"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (plain_scalar("no"), "no, which YAML reads as true or false"),
        (plain_scalar(""), "nothing"),
    ],
)
def test_what_stands_where_something_else_should_is_described(value, words):
    assert described(value) == words


@pytest.mark.parametrize(("written", "value"), [("yes", True), ("false", False)])
def test_true_and_false_are_read_as_yaml_does(written, value):
    assert flag(plain_scalar(written)) is value


@pytest.mark.parametrize(
    ("read", "value", "message", "hint"),
    [
        (flag, "true", "expected true or false, found 'true'", "write it without quotes"),
        (flag, plain_scalar("1"), "expected true or false, found 1, which YAML reads as a number", ""),
        (whole_number(1, 5), "3", "expected a whole number from 1 to 5, found '3'", "write it without quotes"),
        (
            whole_number(1, 5),
            plain_scalar("yes"),
            "expected a whole number from 1 to 5, found yes, which YAML reads as true or false",
            "",
        ),
        (whole_number(1, 5), plain_scalar("6"), "expected a whole number from 1 to 5, found 6", ""),
        (
            NUMBER,
            plain_scalar("12"),
            "expected a number, found 12, which YAML reads as a number",
            'write it in quotes: "12"',
        ),
        (NUMBER, plain_scalar("1.5"), "expected a number, found 1.5, which YAML reads as a fraction", ""),
        (NUMBER, "1" * (MAX_TEXT + 1), f"expected a number, found {'1' * 76 + ' ...'!r}", ""),
    ],
)
def test_a_wrong_value_comes_with_what_would_be_right(read, value, message, hint):
    with pytest.raises(WrongValueError) as caught:
        read(value)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_a_scalar_is_unwrapped_if_every_reader_of_yaml_understands_it_alike():
    assert [unwrap(plain_scalar(word)) for word in ("0x10", "on", "word")] == [16, True, "word"]
    assert unwrap(plain_scalar("1:30")) == plain_scalar("1:30")
