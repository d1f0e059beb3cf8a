"""Run the system's programs: the one place that starts a process for a driver."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

from netplan.errors import ObserveError, RefusedError
from netplan.system import helpers

SEARCH_PATH: Final = helpers.search_path()
"""Where programs are looked for."""

_TIME_LIMIT: Final = 120.0
_ENCODING: Final = ("utf-8", "surrogateescape")
_handed_down: Final[set[int]] = set()


class Output(NamedTuple):
    """What a program that has ended left: its exit code and its two streams as text."""

    code: int
    stdout: str
    stderr: str

    @property
    def killed(self) -> str | None:
        """How the program was ended, if it did not end by itself: `killed by SIGKILL`."""
        return f"killed by {signal.Signals(-self.code).name}" if self.code < 0 else None


def find(program: str) -> str | None:
    """Return the path of a program, or None."""
    return shutil.which(program, path=SEARCH_PATH)


def require(program: str, package: str) -> str:
    """Return the path of a program; RefusedError names Debian's package if it is not there."""
    path = find(program)
    if path is None:
        raise RefusedError(f"{program} not found: apt-get install {package}")
    return path


@contextmanager
def handing_down(descriptor: int) -> Iterator[None]:
    """Let every program that is run within the block hold a file open too, for as long as it lives."""
    _handed_down.add(descriptor)
    try:
        yield
    finally:
        _handed_down.remove(descriptor)


def run(argv: Sequence[str], text: str | None = None, *, limit: float = _TIME_LIMIT) -> Output:
    """Run a program to its end, with `text` on its standard input.

    ObserveError if it can't be started, or takes more seconds than `limit`.

    What it prints goes into memory, since iptables-save may print ten megabytes, a line in each piece that a pipe would
    carry. Bytes that are not UTF-8 are carried through as surrogates, so that what was read is written back unchanged.
    """
    process, output = _start(argv)
    with output, process:
        try:
            _, errors = process.communicate((text or "").encode(*_ENCODING), timeout=limit)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise ObserveError(f"{' '.join(argv)} did not end within {limit:.0f} s and was stopped") from error
            raise
        output.seek(0)
        return Output(process.returncode, output.read().decode(*_ENCODING), errors.decode(*_ENCODING))


def _start(argv: Sequence[str]) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start a program that prints into memory; ObserveError if it can't be started."""
    with ExitStack() as stack:
        try:
            output = stack.enter_context(os.fdopen(os.memfd_create(Path(argv[0]).name), "w+b"))
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C", "PATH": SEARCH_PATH},
                pass_fds=tuple(_handed_down),
            )
        except OSError as error:
            raise ObserveError(f"{argv[0]} can't be started: {error.strerror}") from error
        stack.pop_all()
    return process, output
