"""Run podnet's command line in this process on a kernel in memory, and look at everything that it does meanwhile."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from msgspec import Struct

import netplan.kernel.linux
import netplan.kernel.tables
import netplan.operations.checks
import netplan.operations.interface_wait
from netplan.cli import main as command
from netplan.kinds.batches import Batch
from netplan.kinds.chain.payload import payload
from netplan.kinds.chain.reach import reached
from netplan.kinds.chain.saved import SavedTable, SavedTables
from netplan.kinds.chain.value import Chain
from netplan.kinds.snapshot import Interest, Snapshot
from tests.kernels.memory import MemoryKernel

MAX_SECONDS: Final = 10
"""Of processor time, so that a busy machine finds nothing."""
MAX_WAIT: Final = 120
"""Seconds by the clock: what waits uses no processor time."""
MAX_BYTES: Final = 1 << 30
"""More than that a process can't have: what needs more fails, and says so."""

_LIMITS: Final = (
    (signal.ITIMER_PROF, signal.SIGPROF, MAX_SECONDS, "of processor time"),
    (signal.ITIMER_REAL, signal.SIGALRM, MAX_WAIT, "by the clock"),
)
_CODES: Final = frozenset(range(6))
_WRONG: Final = re.compile(
    r"Traceback \(most recent|internal error|a mistake in podnet itself|MemoryError|allocate memory"
)
_NAME: Final = r"[^\s\x00-\x20\x7f]{1,28}"
_LINE: Final = re.compile(
    rf"\*(filter|nat|mangle|raw|security)|:{_NAME} - \[0:0\]"
    rf"|(-[AD] {_NAME}|-I {_NAME} \d+)( [^\x00-\x1f\x7f]*)?|-D {_NAME} \d+|-[FX] {_NAME}|COMMIT|"
)
"""What podnet sends to iptables-restore, line by line; another program may name a chain by bytes beyond ASCII."""

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGING: Final = {"os.rename": 2, "os.remove": 1, "os.mkdir": 1, "os.link": 2, "os.symlink": 2, "os.rmdir": 1}
_DEVICES: Final = frozenset({"/dev/null", "/dev/tty"})


class FindingError(Exception):
    """Podnet did what it must not do with any input."""


class TooSlowError(BaseException):
    """A run took longer than it may: nothing in podnet catches this."""


class Outcome(Struct, frozen=True):
    """What a command left: its exit code and what it wrote."""

    code: int
    stdout: str
    stderr: str


class CheckedKernel(MemoryKernel):
    """A kernel in memory that reads its rules from what iptables-save printed, if any, and looks at what is written."""

    def __init__(self, state: Snapshot, tables: tuple[SavedTable, ...] = ()) -> None:
        super().__init__(state)
        self._saved = {table.name: table for table in tables}

    def observe(self, interest: Interest) -> Snapshot:
        """Read the rules as they were printed, which raises what reading a kernel does."""
        if self._saved:
            list(reached(SavedTables(self._saved.get, interest.limit), interest.reach))
        return super().observe(interest)

    def write(self, batch: Batch) -> None:
        """Look at the text that would go to iptables-restore, and make the changes."""
        if batch.kind == "table":
            lines = payload(batch.table, batch.changes, self.state.chains).split("\n")
            rules = sum(len(change.after.rules) + 1 for change in batch.changes if isinstance(change.after, Chain))
            if not all(map(_LINE.fullmatch, lines)) or lines.count("COMMIT") != 1 or len(lines) < rules + 3:
                raise FindingError(f"a payload out of form: {lines}")
        super().write(batch)


class _Clock:
    """A clock that goes on only while podnet sleeps."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    def time(self) -> float:
        return time.time()


class _Watch:
    """Where files may be written while a command runs, and what else was tried."""

    folder: Path | None = None
    strays: list[str]

    def __init__(self) -> None:
        self.strays = []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event == "open" and isinstance(arguments[0], str | bytes) and arguments[2] & _WRITING:
            self._check(event, arguments[0])
        elif event in _CHANGING:
            for path in arguments[: _CHANGING[event]]:
                self._check(event, path)
        elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "socket.connect"):
            self._stray(f"{event} {arguments}")

    def _check(self, event: str, path: str | bytes | os.PathLike[str]) -> None:
        target = Path(os.fsdecode(path)).absolute()
        if str(target) not in _DEVICES and self.folder is not None and not target.is_relative_to(self.folder):
            self._stray(f"{event} {target}")

    def _stray(self, what: str) -> NoReturn:
        self.strays.append(what)
        raise PermissionError(1, f"the fuzzer does not let podnet: {what!a}")


_watch = _Watch()


def enter(kernel: CheckedKernel) -> None:
    """Put a kernel in memory in the place of this machine's; connections, checks and waits are none of a kernel's."""
    clock = _Clock()
    netplan.kernel.linux.Linux = lambda *_, **__: kernel  # type: ignore[misc, assignment]
    netplan.kernel.linux.connections = lambda *_: ()
    netplan.kernel.tables.take_away = lambda *_: None
    vars(netplan.operations.interface_wait)["time"] = clock
    netplan.kernel.linux.require_privilege = lambda: None


def podnet(folder: Path, *words: str | Path, strays: bool = False) -> Outcome:
    """Run a command in a folder, to which alone it may write; FindingError if it does what it must not.

    With `strays` the input names other places itself: those are not written to either, and that is no finding.
    """
    streams = sys.stdin, sys.stdout, sys.stderr
    written = [io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True) for _ in range(2)]
    sys.argv = ["podnet", *map(str, words)]
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), *written
    os.chdir(folder)
    _watch.folder, _watch.strays = folder, []
    try:
        with _limited():
            code = command.main()
    except TooSlowError as error:
        raise FindingError(f"it took more than {error}") from error
    finally:
        _watch.folder = None
        sys.stdin, sys.stdout, sys.stderr = streams
    outcome = Outcome(code, *(stream.buffer.getvalue().decode() for stream in written))
    _check(outcome, [] if strays else _watch.strays)
    return outcome


@contextmanager
def _limited() -> Iterator[None]:
    for timer, number, seconds, what in _LIMITS:
        signal.signal(number, partial(_too_slow, f"{seconds} s {what}"))
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer, *_ in _LIMITS:
            signal.setitimer(timer, 0)


def _too_slow(than: str, *_: object) -> NoReturn:
    raise TooSlowError(than)


def _check(outcome: Outcome, strays: list[str]) -> None:
    text = outcome.stdout + outcome.stderr
    if outcome.code not in _CODES:
        raise FindingError(f"exit code {outcome.code}: {outcome.stderr}")
    if _WRONG.search(text):
        raise FindingError(text)
    odd = next((character for character in text if character != "\n" and not character.isprintable()), None)
    if odd is not None:
        raise FindingError(f"{odd!a} was printed: {text!a}")
    if strays:
        raise FindingError(f"it wrote elsewhere: {strays}")
