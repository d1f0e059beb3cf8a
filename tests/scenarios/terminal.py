"""A terminal for a command on a host of a lab, and a user who types at it."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from netplan.lab import Lab
from tests.scenarios.podnet import Outcome


class Answer(NamedTuple):
    """What is typed once a prompt has appeared, and what happens before that."""

    typed: str
    meanwhile: Callable[[], object] = lambda: None
    prompt: str = "[y/N]"


def on_terminal(lab: Lab, host: str, command: Sequence[str], *, typed: str = "", prompt: str = "") -> Outcome:
    """Run a command on a terminal, and type a text once a prompt has appeared; all that it shows counts as stdout."""
    return dialogue(lab, host, command, Answer(typed, prompt=prompt))


def dialogue(lab: Lab, host: str, command: Sequence[str], *answers: Answer) -> Outcome:
    """Run a command on a terminal, and give the answers, one after the other."""
    controller, terminal = os.openpty()
    shown = b""
    with subprocess.Popen(lab.command(host, command), stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        for answer in answers:
            shown += read(controller, answer.prompt) if answer.prompt else b""
            answer.meanwhile()
            os.write(controller, answer.typed.encode())
        shown += read(controller)
    os.close(controller)
    return Outcome(process.returncode, shown.decode(), "")


def hung_up(lab: Lab, host: str, command: Sequence[str], prompt: str) -> int:
    """Run a command on a terminal that closes once a prompt has appeared, and give its exit code."""
    controller, terminal = os.openpty()
    with subprocess.Popen(lab.command(host, command), stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        read(controller, prompt)
        os.close(controller)
    return process.returncode


def read(controller: int, until: str = "", seconds: float = 20) -> bytes:
    """Read what the terminal shows until a text appears or, without one, until no process has the terminal open."""
    shown = b""
    deadline = time.monotonic() + seconds
    while not until or until.encode() not in shown:
        if not select.select([controller], [], [], max(0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"the terminal shows {shown!r}")
        with suppress(OSError):  # EIO: no process has it open any more
            part = os.read(controller, 4096)
            shown += part
            continue
        return shown
    return shown
