"""Run podnet under strace(1): see the system calls that write, and kill it at one of them, or have one refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from netplan.lab import Lab
from tests.scenarios.podnet import Outcome, process
from tests.scenarios.tools import real

CALLS: Final = "sendto,sendmsg,write,pwrite64,ftruncate,fsync,rename,link,unlink,mkdir,vfork"
"""What podnet writes by, itself or by a program that it starts; not how it waits, which differs each time."""

_CALL: Final = re.compile(r"(\w+)\((.*)")


class Host(Protocol):
    """A host of a lab."""

    @property
    def lab(self) -> Lab:
        """Return the lab."""

    @property
    def name(self) -> str:
        """Return the name that the host has in it."""


class Point(NamedTuple):
    """A system call of a run: its name, which of its name it is, counted from 1, and its arguments."""

    call: str
    number: int
    arguments: str

    def __str__(self) -> str:
        return f"{self.call} {self.number}"

    @property
    def changes_the_kernel(self) -> bool:
        """Whether it asks for a route, or what a tunnel consists of, to change, or sets a kernel parameter."""
        return bool(re.search(r"RTM_(NEW|DEL|SET)(ROUTE|LINK|ADDR|NEIGH)|^\d+, \"\d\\n\"", self.arguments))


def points(node: Host, folder: Path, *words: str | Path) -> list[Point]:
    """Run podnet to its end and give its system calls from the one on by which it took the lock."""
    log = folder / "strace"
    done = process(node.lab, node.name, *words, before=_strace("-o", str(log), "-e", f"trace=flock,{CALLS}"))
    assert done.code == 0, done.stderr
    numbers: Counter[str] = Counter()
    calls = []
    for line in log.read_text().splitlines():
        if match := _CALL.match(line):
            numbers[match[1]] += 1
            calls.append(Point(match[1], numbers[match[1]], match[2]))
    locked = next(index for index, point in enumerate(calls) if point.call == "flock")
    return calls[locked + 1 :]


def injected(node: Host, point: Point, what: str, *words: str | Path, times: int = 1) -> Outcome:
    """Run podnet with something done to one of its system calls, or some in a row: `signal=SIGKILL`, `error=EPERM`."""
    inject = f"inject={point.call}:{what}:when={point.number}..{point.number + times - 1}"
    strace = _strace("-qq", "-o", "/dev/null", "-e", f"trace={point.call}", "-e", inject)
    return process(node.lab, node.name, *words, before=strace)


def spread(calls: Sequence[Point], count: int) -> list[Point]:
    """Return some of the points, as far from each other as they can be."""
    return [calls[index * (len(calls) - 1) // (count - 1)] for index in range(count)]


def _strace(*options: str) -> list[str]:
    """Return the command that runs Python under strace; if it wrote what it compiles, the first run would differ."""
    return ["env", "PYTHONDONTWRITEBYTECODE=1", real("strace"), *options]
