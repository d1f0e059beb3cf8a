"""The word that was probably meant."""

from __future__ import annotations

import pytest

from netplan.text import did_you_mean


@pytest.mark.parametrize(
    ("word", "meant"), [("adress", "address"), ("subnett", "subnet"), ("nonsense", ""), ("", ""), ("x" * 10_000, "")]
)
def test_the_word_that_is_most_alike_is_meant_or_none(word, meant):
    assert did_you_mean(word, ["address", "subnet"]) == meant


def test_how_alike_a_word_must_be_can_be_said():
    assert (did_you_mean("adrs", ["address"], 0.9), did_you_mean("adrs", ["address"])) == ("", "address")
