"""Whole processes, measured from outside: wall time, CPU time of the process and its children, peak memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds of wall time and of CPU time, and the peak memory of its largest process in bytes."""

    wall: float
    cpu: float
    memory: int


def run(command: Sequence[str], *, text: str = "", expect: int = 0) -> Cost:
    """Run a command once; SystemExit shows what it said if it ends otherwise than expected.

    It is started by a process of its own, whose children are its only ones: so its CPU time and memory are counted with
    those of the programs that it starts.
    """
    done = subprocess.run(
        [sys.executable, __file__, str(expect), *command], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    wall, cpu, memory = done.stderr.splitlines()[-1].split()
    return Cost(float(wall), float(cpu), int(memory))


def median(command: Sequence[str], times: int, *, before: Callable[[], object] = lambda: None, text: str = "") -> Cost:
    """Run a command several times, each behind what puts the machine into the state to start from."""
    costs = []
    for _ in range(times):
        before()
        costs.append(run(command, text=text))
    middle = (statistics.median(values) for values in zip(*((c.wall, c.cpu, c.memory) for c in costs), strict=True))
    wall, cpu, memory = middle
    return Cost(wall, cpu, int(memory))


def _main(expect: int, command: Sequence[str]) -> int:
    """Run the command with this process's own streams, and write what it took as the last line of stderr."""
    began = time.monotonic()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sys.stderr.write(f"\n{wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss * 1024}\n")
    return os.EX_OK if done.returncode == expect else 1


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), sys.argv[2:]))
