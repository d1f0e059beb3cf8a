"""No test asserts only that something is absent: that holds for ever once the text changes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ABSENCE = re.compile(r"\bnot in\b|assert[ (]+not\b")
"""What the text of a module has somewhere that asserts an absence."""


def tells_of_absence(condition: ast.expr) -> bool:
    """Return whether a condition is no more than `x not in y`, for one thing or for several."""
    if isinstance(condition, ast.BoolOp):
        return all(map(tells_of_absence, condition.values))
    if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
        compared = condition.operand
        return isinstance(compared, ast.Compare) and all(isinstance(operator, ast.In) for operator in compared.ops)
    return isinstance(condition, ast.Compare) and all(isinstance(operator, ast.NotIn) for operator in condition.ops)


def only_of_absence(source: str) -> Iterator[str]:
    """Return the names of the tests in a module that assert nothing else; what is expected to raise counts as more."""
    if not ABSENCE.search(source):
        return
    for test in ast.walk(ast.parse(source)):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            conditions = [step.test for step in ast.walk(test) if isinstance(step, ast.Assert)]
            raising = any(
                "raises" in ast.unparse(step.items[0]) for step in ast.walk(test) if isinstance(step, ast.With)
            )
            if conditions and not raising and all(map(tells_of_absence, conditions)):
                yield test.name


@pytest.mark.parametrize("condition", ["x not in y", "not x in y", "x not in y and z not in y"])
def test_a_test_that_only_tells_of_absence_is_found(condition):
    assert list(only_of_absence(f"def test_it():\n    assert {condition}")) == ["test_it"]


@pytest.mark.parametrize("condition", ["x in y", "x == y and z not in y", "(x in y, z in y) == (True, False)"])
def test_a_test_that_has_a_positive_twin_is_not(condition):
    assert list(only_of_absence(f"def test_it():\n    assert {condition}")) == []


def test_no_test_here_tells_of_absence_alone():
    modules = sorted(TESTS.rglob("test_*.py"))
    assert {str(path): names for path in modules if (names := [*only_of_absence(path.read_text())])} == {}
