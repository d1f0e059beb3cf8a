"""Another program that inserts rules on top of a chain while podnet works, twenty times a second if it can."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

from tests.lab.inside import inside
from tests.scenarios.node import Node

RATE: Final = 20
PATIENT: Final = ("--lock-timeout", "60")
"""What fails is tried again as often as it may be, however long a busy machine takes for each."""
PAUSE: Final = 8
"""How often as long as a change a pause is at least: where the machine is busy podnet takes longer too."""
_TRIES: Final = 50
_PATIENCE: Final = 60.0


class Place(NamedTuple):
    """The chain that the rules go into."""

    table: str
    chain: str


class Inserts:
    """A program at work: it inserts the rules `rule(0)`, `rule(1)`, ... one on top of the other."""

    def __init__(self, channel: Connection) -> None:
        self._channel = channel

    def stop(self) -> int:
        """Stop it, and give how many rules it has inserted."""
        self._channel.send("stop")
        assert self._channel.poll(_PATIENCE), "it does not end"
        return int(self._channel.recv())


def rule(number: int) -> str:
    """Return the rule of a number: what docker writes for one more network, as iptables prints it."""
    return f"-s 172.{20 + number // 250}.{number % 250}.0/24 ! -o br-{number} -j RETURN"


@contextmanager
def inserts(node: Node, place: Place) -> Iterator[Inserts]:
    """Let a program insert rules for the length of a block."""
    ours, theirs = get_context("fork").Pipe()

    def work() -> None:
        theirs.send(inside(node.lab, node.name, _insert, node.backend, place, theirs))

    process = get_context("fork").Process(target=work, daemon=True)
    process.start()
    try:
        yield Inserts(ours)
    finally:
        process.kill()
        process.join()


def _insert(backend: str, place: Place, channel: Connection) -> int:
    number, pause = 0, 0.0
    while not channel.poll(pause):
        start = time.monotonic()
        _run(f"iptables-{backend}", "-w", "10", "-t", place.table, "-I", place.chain, *rule(number).split())
        number += 1
        took = time.monotonic() - start
        pause = max(pause, 1 / RATE - took, PAUSE * took)
    return number


def _run(*words: str) -> None:
    for _ in range(_TRIES):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.01)
    raise AssertionError(f"{words}: {done.stderr}")
