"""Run the system's programs: the one place that starts a process for a driver."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from netplan.errors import ObserveError, RefusedError

SEARCH_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
"""Where programs are looked for: cron and ordinary users have no sbin folders in their PATH."""

_TIME_LIMIT: Final = 120.0
_ENCODING: Final = ("utf-8", "surrogateescape")
_handed_down: Final[set[int]] = set()


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
    try:
        with os.fdopen(os.memfd_create(Path(argv[0]).name), "w+b") as output:
            done = subprocess.run(
                argv,
                input=(text or "").encode(*_ENCODING),
                stdout=output,
                stderr=subprocess.PIPE,
                check=False,
                env={**os.environ, "LC_ALL": "C", "PATH": SEARCH_PATH},
                timeout=limit,
                pass_fds=tuple(_handed_down),
            )
            output.seek(0)
            return Output(done.returncode, output.read().decode(*_ENCODING), done.stderr.decode(*_ENCODING))
    except subprocess.TimeoutExpired as error:
        raise ObserveError(f"{' '.join(argv)} did not end within {limit:.0f} s and was stopped") from error
