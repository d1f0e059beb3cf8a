"""One at a time: the lock that every command holds while it writes to a node's kernel."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from netplan.errors import LockedError
from netplan.net import printable
from netplan.store.files import reported
from netplan.store.provenance import local_time
from netplan.system import programs
from netplan.system.process import alive

GUARD: Final = "apply --confirm-within"
"""What a guard that holds the lock is called."""

_NAME: Final = "lock"
_MODE: Final = 0o600
_POLL_SECONDS: Final = 0.05
_UNCHANGED: Final = "; nothing was changed"
_LEFT_SECONDS: Final = 15.0
"""How long a program that a dead podnet started may still run: it waits ten seconds for iptables' own lock."""


class LockHolder(NamedTuple):
    """The holder of a lock: the process, the verb, and the local time at which it began."""

    pid: int
    verb: str
    since: str

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return alive(self.pid)

    def __str__(self) -> str:
        return f"podnet {printable(self.verb)} (pid {self.pid}, since {printable(self.since)})"


@contextmanager
def locked(folder: Path, verb: str, timeout: float) -> Iterator[int]:
    """Hold the lock of a folder while a block runs; LockedError (3) names who else has held it for `timeout` seconds.

    Yields the descriptor of the lock, which lasts until the last process that has it open ends. Programs that are run
    within the block have it too, so that none of a killed podnet's is still writing when the next one starts.
    """
    path = folder / _NAME
    with _opened(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW) as descriptor:
        with reported("the lock", path, _UNCHANGED):
            _wait(descriptor, timeout)
            hold(descriptor, LockHolder(os.getpid(), verb, local_time()))
        with programs.handing_down(descriptor):
            yield descriptor


@contextmanager
def alone(folder: Path, patience: float) -> Iterator[None]:
    """Be the only process that settles what a folder's journal says, while a block runs; StoreError (3).

    `locked` is not enough for that: an apply and its guard share it, and a confirm needs none. Another process that
    settles is waited for, until it ends or for `patience` seconds: it may hang, and a node must not wait for ever.
    """
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        deadline = time.monotonic() + patience
        with reported("the lock", folder, _UNCHANGED):
            while not _take(descriptor) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
        yield


def end_holder(folder: Path) -> None:
    """Kill the process that holds the lock of a folder, if it still has it open; StoreError (3)."""
    with _opened(folder / _NAME, os.O_RDONLY | os.O_NOFOLLOW) as descriptor:
        holder = _holder(descriptor)
        if holder is not None and _has_open(holder.pid, os.fstat(descriptor)):
            with suppress(ProcessLookupError):
                os.kill(holder.pid, signal.SIGKILL)


def _has_open(pid: int, file: os.stat_result) -> bool:
    """Whether a process has a file open: its number may be that of another process by now."""
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            if os.path.samestat(descriptor.stat(), file):
                return True
    return False


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    with reported("the lock", path, _UNCHANGED):
        descriptor = os.open(path, flags | os.O_CLOEXEC, _MODE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def hold(descriptor: int, holder: LockHolder) -> None:
    """Write down who holds a lock; OSError."""
    text = json.dumps(holder._asdict()).encode()
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))


def _wait(descriptor: int, timeout: float) -> None:
    start = time.monotonic()
    while not _take(descriptor):
        holder = _holder(descriptor)
        waits = timeout if holder is None or holder.alive else max(timeout, _LEFT_SECONDS)
        if time.monotonic() >= start + waits:
            raise LockedError(
                f"{holder or 'another podnet'} holds the lock on this node: wait for it (--lock-timeout SECONDS); if "
                "it hangs, end it, and `podnet recover` goes on from there",
                "" if holder is None else holder.verb,
            )
        time.sleep(_POLL_SECONDS)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> LockHolder | None:
    """Return the holder of a lock; None while it is being written down."""
    try:
        data = json.loads(os.pread(descriptor, 1 << 12, 0))
        return LockHolder(int(data["pid"]), str(data["verb"]), str(data["since"]))
    except (ValueError, KeyError, TypeError):
        return None
