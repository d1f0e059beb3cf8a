"""Time and processes as other processes of this boot see them too."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process: its number, and when it started, in clock ticks since the boot: a number is used again."""

    pid: int
    started: int

    @classmethod
    def here(cls) -> Process:
        """Give this process."""
        pid = os.getpid()
        return cls(pid, _started(pid) or 0)

    @property
    def alive(self) -> bool:
        """Whether the process is there, and has not ended."""
        return _started(self.pid) == self.started

    def kill(self) -> None:
        """End the process at once, if it is there."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def now() -> float:
    """Give the seconds since the boot, those asleep included: nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def at(moment: float) -> str:
    """Give the local time of day of a moment by this clock."""
    return (datetime.now() + timedelta(seconds=moment - now())).strftime("%H:%M:%S")


def _started(pid: int) -> int | None:
    """Read when a process started (proc(5), stat); None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
