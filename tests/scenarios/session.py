"""An apply on a terminal of its own, which may hang up, be asked to end, or be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from tests.scenarios.node import Node
from tests.scenarios.podnet import argv
from tests.scenarios.terminal import read

WAITS: Final = "Confirm within"
PATIENCE: Final = 60


class Session(NamedTuple):
    """An apply on a terminal of its own."""

    process: subprocess.Popen[bytes]
    controller: int

    def until(self, text: str) -> str:
        """Read what the terminal shows until a text appears."""
        return read(self.controller, text).decode()

    def hang_up(self) -> None:
        """Close the terminal."""
        os.close(self.controller)

    def terminate(self) -> None:
        """Ask podnet to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End podnet without asking."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for pid in _family(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _family(pid: int) -> list[int]:
    """Return the processes that enter the lab, and podnet itself; not the programs that podnet runs."""
    pids = [pid]
    while (children := Path(f"/proc/{pids[-1]}/task/{pids[-1]}/children").read_text().split()) and "apply" in Path(
        f"/proc/{children[0]}/cmdline"
    ).read_text().split("\0"):
        pids.append(int(children[0]))
    return pids[::-1]


@contextmanager
def session(node: Node, *options: str, spec: Path | None = None, before: Sequence[str] = ()) -> Iterator[Session]:
    """Apply the node's spec, or another one, until the end of a block at the latest."""
    controller, terminal = os.openpty()
    command = [*before, *argv("apply", spec or node.spec, "--yes", *options)]
    process = subprocess.Popen(
        ["setsid", "--ctty", *node.lab.command(node.name, command)], stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    try:
        yield Session(process, controller)
    finally:
        process.kill()
        process.wait(PATIENCE)
        with suppress(OSError):
            os.close(controller)


def settled(node: Node) -> None:
    """Wait until nothing is under way on a node: neither apply nor its guard."""
    deadline = time.monotonic() + PATIENCE
    while node.shell('test ! -e "$PODNET_VAR_DIR/journal.json" || echo under way'):
        assert time.monotonic() < deadline, "the journal is still there"
        time.sleep(0.05)


def unguarded(node: Node) -> None:
    """Wait until no guard is left on a node that could still bring anything back."""
    deadline = time.monotonic() + PATIENCE
    while node.shell("pgrep -f 'internal[ ]guard' || true"):
        assert time.monotonic() < deadline, "the guard is still there"
        time.sleep(0.05)


def end_all(node: Node, apply: Session) -> None:
    """End an apply and its guard, as a power loss does."""
    node.shell("pkill -9 -f 'internal[ ]guard' || true")
    apply.kill()
