"""A network namespace that lasts for one command or call: as root, or as an ordinary user in a user namespace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from netplan.system.programs import SEARCH_PATH
from tests.scratch import in_scratch

P = ParamSpec("P")
R = TypeVar("R")

BACKENDS = ("nft", "legacy")


def run(command: list[str], lock_file: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command in a network namespace of its own, where the legacy lock is the given file."""
    # an ordinary user is root first: what /proc shows of a network namespace belongs to who made it
    unshare = [*([] if os.geteuid() == 0 else ["unshare", "-Ur"]), "unshare", "-n"]
    return subprocess.run(
        [*unshare, *command],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | _environment(lock_file),
    )


def call(lock_file: Path, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function in a network namespace of its own, where the legacy lock is the given file."""

    def called() -> R:
        os.environ |= _environment(lock_file)
        return function(*args, **kwargs)

    return in_scratch(called)


def _environment(lock_file: Path) -> dict[str, str]:
    return {"XTABLES_LOCKFILE": str(lock_file), "PATH": SEARCH_PATH}


def restore_and_save(payload: str, version: int, lock_file: Path) -> dict[str, str]:
    """Load the payload with each backend; what each prints then, or why it refused."""
    program = "iptables" if version == 4 else "ip6tables"
    printed = {}
    for backend in BACKENDS:
        script = f"{program}-{backend}-restore -w 5 && {program}-{backend}-save"
        done = run(["sh", "-c", script], lock_file, payload)
        printed[backend] = done.stdout if done.returncode == 0 else done.stderr
    return printed
