"""Which run a test belongs to: one that enters a namespace needs the kernel; those that need neither are fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, TypeVar

import pytest
from hypothesis import settings

from netplan.lab import Lab
from tests.kinds.chain import scratch
from tests.lab import resident
from tests.lab.inside import inside
from tests.scratch import in_scratch

K = TypeVar("K")

DIRECTORIES: Final = {"scenarios/soak": "soak", "scenarios/real": "real", "scenarios": "kernel"}
"""The marker of all tests below a directory of tests/."""
INTO_NAMESPACES: Final = (Lab, in_scratch, inside, resident.call, scratch.run, scratch.call, scratch.restore_and_save)
"""What makes or enters a namespace: a test or fixture whose code leads to one of them is marked `kernel`."""

FILTER: Final = "backend"
"""The fixture that is parametrised with the packet filters."""


def marker(item: pytest.Item) -> str | None:
    """Return the marker of the run that a test belongs to, or None of a fast test."""
    if by_directory := _marker_of(item.path):
        return by_directory
    return "kernel" if any(leads_into_namespaces(function) for function in _functions(item)) else None


def left_to_soak(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield those of the `checkered` tests that `make test` does not run."""
    yield from second_fields(
        {
            item: (item.nodeid.partition("[")[0], item.callspec.indices if hasattr(item, "callspec") else {})
            for item in items
            if item.get_closest_marker("checkered")
        }
    )


def second_fields(cases: Mapping[K, tuple[str, Mapping[str, int]]]) -> Iterator[K]:
    """Yield every second case, like the fields of a chequerboard whose rows are packet filters.

    A case is of a test, and has a value of each parameter, given by its number. Each value of the other parameters is
    left with a packet filter; where there are no others, one test is left with the first filter, the next with the
    other one. A test that is tried with one packet filter alone keeps all of its cases.
    """
    of_both = sorted({test for test, numbers in cases.values() if numbers.get(FILTER)})
    for case, (test, numbers) in cases.items():
        if test in of_both and (sum(numbers.values()) + (of_both.index(test) if len(numbers) == 1 else 0)) % 2:
            yield case


@cache
def leads_into_namespaces(function: Callable[..., Any]) -> bool:
    """Return whether the function, or what it names of tests/, makes or enters a namespace."""
    waiting: list[object] = [function]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if any(value is entrance for entrance in INTO_NAMESPACES):
            return True
        if id(value) not in seen:
            seen.add(id(value))
            waiting += _named_by(value)
    return False


def examples(number: int, profile: settings | None = None) -> settings:
    """Return settings for as many examples, less where the profile of the run has fewer than hypothesis' own 100."""
    share = (profile or settings()).max_examples / 100
    return settings(deadline=None, max_examples=max(1, round(number * share)))


@cache
def _marker_of(path: Path) -> str | None:
    """Return the marker of the directory in which a file of tests lies."""
    place = path.relative_to(Path(__file__).parent)
    return next((name for directory, name in DIRECTORIES.items() if place.is_relative_to(directory)), None)


def _functions(item: pytest.Item) -> Iterator[Callable[..., Any]]:
    """Yield the functions of a test: its own and its fixtures', without what hypothesis has wrapped around."""
    if not isinstance(item, pytest.Function):
        return
    handle = getattr(item.obj, "hypothesis", None)
    yield handle.inner_test if handle else item.function
    for fixtures in item._fixtureinfo.name2fixturedefs.values():
        yield from (fixture.func for fixture in fixtures)


def _named_by(value: object) -> Iterator[object]:
    """Yield what a function or a class of tests/ names."""
    if not getattr(value, "__module__", "").startswith("tests."):
        return
    if isinstance(value, FunctionType):
        yield from (value.__globals__[name] for name in _names(value.__code__) if name in value.__globals__)
    elif isinstance(value, type):
        yield from (method for method in vars(value).values() if isinstance(method, FunctionType))


def _names(code: CodeType) -> Iterator[str]:
    """Yield the global names that the code and the functions within it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
