"""Processes of this machine: their lives, their ancestors' SSH session, and what this one may do."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

CAP_NET_ADMIN: Final = 12
CAP_SYS_ADMIN: Final = 21

_PROC: Final = Path("/proc")
_CAPABILITIES: Final = re.compile(rb"^CapEff:\s*([0-9a-f]+)$", re.MULTILINE)
_SSH_CONNECTION: Final = "SSH_CONNECTION"
_SSH_ENTRY: Final = re.compile(rb"(?:^|\0)SSH_CONNECTION=([^\0]+)")


class Stat(NamedTuple):
    """What the kernel says of a process (proc(5), stat); `started` is in clock ticks since the boot."""

    state: str
    parent: int
    started: int

    @property
    def ended(self) -> bool:
        """Whether the process has ended, and only waits for its parent to notice."""
        return self.state in "ZX"


def stat(pid: int) -> Stat | None:
    """Return what /proc says of a process; None if there is none that this one may see."""
    words = _read(pid, "stat").rpartition(b")")[2].split()  # the name before it may hold anything
    return Stat(words[0].decode(), int(words[1]), int(words[19])) if len(words) > 19 else None


def alive(pid: int) -> bool:
    """Whether a process of this number is there, and has not ended."""
    now = stat(pid)
    return now is not None and not now.ended


class Process(NamedTuple):
    """A process: its number, and when it started, in clock ticks since the boot: a number is used again."""

    pid: int
    started: int

    @classmethod
    def here(cls) -> Process:
        """Return this process."""
        now = stat(os.getpid())
        return cls(os.getpid(), 0 if now is None else now.started)

    @property
    def alive(self) -> bool:
        """Whether the process is there, and has not ended."""
        now = stat(self.pid)
        return now is not None and not now.ended and now.started == self.started

    def kill(self) -> None:
        """End the process at once, if it is there."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def may(*capabilities: int) -> bool:
    """Whether this process has all the capabilities (capabilities(7)) in its own user namespace."""
    effective = _CAPABILITIES.search((_PROC / "self/status").read_bytes())
    return effective is not None and all(int(effective[1], 16) >> number & 1 for number in capabilities)


def ssh_connection() -> str | None:
    """Return sshd's SSH_CONNECTION, `client_ip client_port server_ip server_port`; None outside of a session.

    sudo(8) takes it out of the environment: the nearest ancestor that still has it counts, as far as /proc shows them.
    """
    return os.environ.get(_SSH_CONNECTION) or next(_of_ancestors(os.getppid()), None)


def _of_ancestors(pid: int) -> Iterator[str]:
    """Return the value that each ancestor was started with, the nearest first."""
    while pid > 0:
        entry = _SSH_ENTRY.search(_read(pid, "environ"))
        if entry is not None:
            yield entry[1].decode(errors="surrogateescape")
        now = stat(pid)
        pid = 0 if now is None else now.parent


def _read(pid: int, name: str) -> bytes:
    """Read what /proc says of a process; nothing if it may not be read, or the process has ended."""
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""
