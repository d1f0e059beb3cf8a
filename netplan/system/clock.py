"""Time as other processes of this boot see it too."""

from __future__ import annotations

import time
from datetime import datetime, timedelta


def now() -> float:
    """Return the seconds since the boot, those asleep included: this clock is never set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def at(moment: float) -> str:
    """Return the local time of day of a moment by this clock."""
    return (datetime.now() + timedelta(seconds=moment - now())).strftime("%H:%M:%S")
