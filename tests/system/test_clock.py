"""The clock that all processes of a boot share."""

from __future__ import annotations

import re
from pathlib import Path

from netplan.system import clock


def test_the_clock_goes_on_and_is_that_of_the_boot():
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    first = clock.now()
    assert uptime <= first + 0.01 <= clock.now() + 0.01


def test_a_moment_is_told_as_the_time_of_day():
    assert re.fullmatch(r"[0-2]\d:[0-5]\d:[0-5]\d", clock.at(clock.now() + 60))
