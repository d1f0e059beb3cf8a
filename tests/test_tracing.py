"""Coverage traces the examples of tests, and nothing around them."""

from __future__ import annotations

import sys

import pytest

from tests.tracing import Tracing


def tracer(_frame, _event, _argument):
    return None


@pytest.fixture(autouse=True)
def _as_before():
    before = sys.gettrace()
    yield
    sys.settrace(before)


def test_what_runs_in_a_block_is_traced_and_nothing_after_it():
    sys.settrace(None)
    with Tracing(tracer).on():
        within = sys.gettrace()
    assert (within, sys.gettrace()) == (tracer, None)


def test_a_function_is_traced_whenever_it_is_called_even_if_it_fails():
    sys.settrace(None)
    seen = []

    def fail():
        seen.append(sys.gettrace())
        raise RuntimeError

    traced = Tracing(tracer).traced(fail)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            traced()
    assert (seen, sys.gettrace()) == ([tracer, tracer], None)
