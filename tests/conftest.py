"""What holds for all tests: which run each belongs to, how many examples a run tries, and how they answer signals."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import runs, tracing

settings.register_profile("fast", max_examples=10, derandomize=True, deadline=None)
settings.register_profile("test", max_examples=20, deadline=None)

_DEFAULTS: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}

# A shell starts a background job with some of them ignored, nohup(1) too, and every child would inherit that.
for _number, _default in _DEFAULTS.items():
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _default)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Trace tests alone, where coverage is measured; of what is collected nothing is garbage, nor ever will be."""
    tracing.restrict(session.config)
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that is not fast with the run that it belongs to; every second checkered one is left to soak."""
    for item in items:
        if marker := runs.marker(item):
            item.add_marker(marker)
    for item in runs.left_to_soak(items):
        item.add_marker("soak")
