"""The seconds that are left for a confirm, where there is a terminal to show them on."""

from __future__ import annotations

import math
import sys


def count_down(left: float | None) -> None:
    """Show the seconds that are left; None clears them."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" if left is None else f"\r{math.ceil(left):>4} s left ")
        sys.stderr.flush()
