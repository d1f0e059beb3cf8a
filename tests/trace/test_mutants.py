"""The laws about sets catch mistakes in what splits and follows them."""

from __future__ import annotations

import pytest

from tests.trace import test_law
from tests.trace.mutants import OF_SETS, planted

LAWS = [law for name, law in vars(test_law).items() if name.startswith("test_")]
WORLDS = range(60, 100)


@pytest.mark.parametrize("mistake", OF_SETS)
def test_the_laws_about_sets_catch_that(mistake):
    with planted(OF_SETS[mistake]):
        assert any(fails(law, seed) for seed in WORLDS for law in LAWS)


def fails(law, seed):
    """Whether a law does not hold in a world; a mistake may also make the trace fail."""
    try:
        law(seed)
    except Exception:
        return True
    return False
