"""Lets coverage trace tests and what they need alone: to trace pytest and hypothesis too takes as long as all tests."""

from __future__ import annotations

import functools
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import pytest

import netplan

if TYPE_CHECKING:
    from _typeshed import TraceFunction

P = ParamSpec("P")
R = TypeVar("R")

_SELF_STARTING: Final = "netplan.__main__"


class Tracing:
    """Hooks that trace fixtures and tests; of a test of hypothesis its examples, not how they are made."""

    def __init__(self, tracer: TraceFunction) -> None:
        self._tracer = tracer

    @contextmanager
    def on(self) -> Iterator[None]:
        """Trace what runs in a block."""
        before = sys.gettrace()
        sys.settrace(self._tracer)
        try:
            yield
        finally:
            sys.settrace(before)

    def traced(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return a function that is traced whenever it is called."""

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.on():
                return function(*args, **kwargs)

        return call

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self) -> Iterator[None]:
        """Trace what makes a fixture."""
        with self.on():
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Trace a test, or the examples of it that hypothesis makes."""
        handle = getattr(getattr(item, "obj", None), "hypothesis", None)
        if handle is None:
            with self.on():
                return (yield)
        example = handle.inner_test
        handle.inner_test = self.traced(example)
        try:
            return (yield)
        finally:
            handle.inner_test = example


def restrict(config: pytest.Config) -> None:
    """Trace from now on only what `Tracing` does, if coverage is measured; every module has been traced as it loads."""
    tracer = sys.gettrace()
    if tracer is None or not getattr(config.option, "cov_source", None):
        return
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        _load_package()
        config.pluginmanager.register(Tracing(tracer))
    sys.settrace(None)


def _load_package() -> None:
    for module in pkgutil.walk_packages(netplan.__path__, "netplan."):
        if module.name != _SELF_STARTING:
            import_module(module.name)
