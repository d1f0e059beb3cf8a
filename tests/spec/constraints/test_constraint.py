"""What the constraints share: repetitions, and names in a sentence."""

from __future__ import annotations

import pytest

from netplan.spec.constraints.constraint import nodes, repeated


def test_a_value_that_an_earlier_key_has_is_told_with_the_first_that_has_it():
    assert [*repeated({"a": 1, "b": 2, "c": 1, "d": 1})] == [("c", "a"), ("d", "a")]


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "node a"), (2, "nodes a and b"), (3, "nodes a, b and c"), (10, "nodes a, b, c, d, e, f, g, h, i and j")],
)
def test_names_are_written_in_a_sentence(count, text):
    assert nodes("abcdefghij"[:count]) == text


def test_of_many_names_the_first_ten_are_written():
    assert nodes("abcdefghijkl") == "nodes a, b, c, d, e, f, g, h, i, j and 2 more"
