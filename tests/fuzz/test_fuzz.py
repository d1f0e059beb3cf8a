"""A few hostile inputs of every kind, and those that once found something; `make fuzz` runs a hundred thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forked import forked
from tests.fuzz.runs import Piece, file_of, limit_memory, run_data, run_piece
from tests.fuzz.surfaces import SURFACES

INPUTS = sorted(Path(__file__).with_name("inputs").iterdir())
FEW = 8


@pytest.mark.slow
@pytest.mark.parametrize("name", SURFACES)
def test_hostile_input_is_answered_in_podnets_own_words(name):
    assert forked(limit_memory, lambda: run_piece(0, Piece(name, range(FEW)))) == []


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_an_input_that_once_found_something_finds_nothing(path, tmp_path):
    name = path.name.partition(".")[0]
    assert forked(limit_memory, lambda: run_data(name, 0, path.read_bytes(), tmp_path)) is None


def test_a_seed_makes_the_same_inputs_again():
    assert [file_of(name, 5, 3) for name in SURFACES] == [file_of(name, 5, 3) for name in SURFACES]
