"""Run the system's programs: the one place that starts a process for a driver."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

from netplan.errors import ObserveError, RefusedError

SEARCH_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
"""Where programs are looked for: cron and ordinary users have no sbin folders in their PATH."""

_TIME_LIMIT: Final = 120.0
_ENCODING: Final = ("utf-8", "surrogateescape")
_handed_down: Final[set[int]] = set()
_begun: Final[dict[tuple[str, ...], tuple[subprocess.Popen[bytes], IO[bytes]]]] = {}


class Output(NamedTuple):
    """What a program that has ended left: its exit code and its two streams as text."""

    code: int
    stdout: str
    stderr: str


def find(program: str) -> str | None:
    """Give the path of a program, or None."""
    return shutil.which(program, path=SEARCH_PATH)


def require(program: str, package: str) -> str:
    """Give the path of a program; RefusedError names Debian's package if it is not there."""
    path = find(program)
    if path is None:
        raise RefusedError(f"there is no program {program} here: install it with apt-get install {package}")
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
    """Run a program to its end, with `text` on its standard input; ObserveError if it takes more seconds than `limit`.

    What it prints goes into memory, since iptables-save may print ten megabytes, a line in each piece that a pipe would
    carry. Bytes that are not UTF-8 are carried through as surrogates, so that what was read is written back unchanged.
    """
    begun = tuple(argv)
    process, output = _begun.pop(begun) if begun in _begun else _start(argv)
    with output, process:
        try:
            _, said = process.communicate((text or "").encode(*_ENCODING), timeout=limit)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise ObserveError(f"{' '.join(argv)} did not end within {limit:.0f} s and was stopped") from error
            raise
        output.seek(0)
        return Output(process.returncode, output.read().decode(*_ENCODING), said.decode(*_ENCODING))


def begin(argv: Sequence[str]) -> None:
    """Start a program that `run` will be asked for soon, so that it works meanwhile; one that nobody asks for is ended.

    What it shows is the state of now: to be used only where that is as good as the state of later.
    """
    if not _begun:
        atexit.register(_end_begun)
    _begun[tuple(argv)] = _start(argv)


def _end_begun() -> None:
    for process, output in _begun.values():
        with output, process:
            process.kill()
    _begun.clear()


def _start(argv: Sequence[str]) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start a program that prints into memory."""
    output = os.fdopen(os.memfd_create(Path(argv[0]).name), "w+b")
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C", "PATH": SEARCH_PATH},
        pass_fds=tuple(_handed_down),
    )
    return process, output
