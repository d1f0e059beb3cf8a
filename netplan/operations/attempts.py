"""Retry what other programs interfered with: a few times, a moment apart, within a bounded time."""

from __future__ import annotations

import time
from random import SystemRandom
from typing import Final

_MOST: Final = 5
_SHORTEST, _LONGEST = 0.05, 0.5
LEAST_PATIENCE: Final = 3.0
"""How many seconds it may take by default: all the pauses, and the work between on a node of usual size."""


class Attempts:
    """How often something is tried again: up to 5 times, for so many seconds from the first failure.

    The pauses are random, and the later ones longer: a program that writes regularly is met at another moment.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._failures = 0
        self._first = 0.0

    def another(self) -> bool:
        """Pause after a failure, and return whether there is to be another try."""
        if self._failures == 0:
            self._first = time.monotonic()
        longest = min(_SHORTEST * 2 ** (self._failures + 1), _LONGEST)
        pause = SystemRandom().uniform(_SHORTEST, longest)
        if self._failures == _MOST or time.monotonic() + pause > self._first + self._patience:
            return False
        self._failures += 1
        time.sleep(pause)
        return True
