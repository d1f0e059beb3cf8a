"""What holds for all tests: they answer signals as a program does that somebody starts at a terminal."""

from __future__ import annotations

import signal
from typing import Any

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
