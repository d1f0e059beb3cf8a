"""Files of users and of the system: found link by link, read within bounds, and replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import select
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from netplan.errors import UsageError
from netplan.net import printable

MAX_BYTES: Final = 64 << 20
"""No spec, record, or node's part of a plan is larger."""

Judge: TypeAlias = Callable[[Path, os.stat_result], None]
"""Looks at a folder, a link or a file on the way to a file; PodnetError if podnet must not go by it."""

_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_ENTRY: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_THROUGH: Final = os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MOST_LINKS: Final = 40
_PROC: Final = Path("/proc")
_PATIENCE: Final = 10_000
"""For so many milliseconds a pipe or a terminal that is written to may take nothing."""

_WRITER_PATIENCE: Final = 2_000
"""For so many milliseconds a pipe that is read may have no writer yet."""

_PIECE: Final = 1 << 16


def anything(_path: Path, _status: os.stat_result) -> None:
    """Go by whatever is there: for verbs that only read."""


class Destination(NamedTuple):
    """Where a path leads: the descriptor of a folder, a name in it, and what is there, None if nothing is.

    `passing`: the name is a link of procfs, as /dev/stdin is one in the end, which the kernel alone can follow.
    """

    folder: int
    name: str
    path: Path
    status: os.stat_result | None
    passing: bool

    def open(self, flags: int) -> int:
        """Open what is there, and nothing that has taken its place as a link."""
        return os.open(self.name, flags | (0 if self.passing else os.O_NOFOLLOW), dir_fd=self.folder)


class _Walk:
    """The way along a path: each folder and link is judged by the descriptor by which it is used."""

    def __init__(self, path: Path, judge: Judge) -> None:
        self._judge = judge
        self._at = Path("/")
        self._waiting = [*reversed(path.absolute().parts[1:])]
        self._links = 0
        self.folder = os.open("/", _FOLDER)

    def end(self) -> Destination:
        """Go to the end of the path; FileNotFoundError names the folder that is not there."""
        while True:
            self._judge(self._at, os.fstat(self.folder))
            name = self._waiting.pop() if self._waiting else "."
            try:
                entry = os.open(name, _ENTRY, dir_fd=self.folder)
            except FileNotFoundError as error:
                if not self._waiting:
                    return Destination(self.folder, name, self._path(name), None, passing=False)
                error.filename = str(self._path(name).joinpath(*self._waiting[:0:-1]))
                raise
            try:
                destination = self._step(name, entry)
            finally:
                os.close(entry)
            if destination is not None:
                return destination

    def _step(self, name: str, entry: int) -> Destination | None:
        """Follow a link, or enter a folder; the end of the path is given."""
        status = os.fstat(entry)
        link = stat.S_ISLNK(status.st_mode)
        passing = link and status.st_dev == _PROC.stat().st_dev
        if link and not passing:
            self._judge(self._path(name), status)
            self._follow(os.readlink("", dir_fd=entry))
        elif self._waiting:
            self._enter(
                self._path(name), os.open(name if passing else ".", _FOLDER, dir_fd=self.folder if passing else entry)
            )
        else:
            status = os.stat(name, dir_fd=self.folder) if passing else status
            return Destination(self.folder, name, self._path(name), status, passing)
        return None

    def _path(self, name: str) -> Path:
        return self._at.parent if name == ".." else self._at / name

    def _follow(self, target: str) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        path = Path(target)
        if path.is_absolute():
            self._enter(Path("/"), os.open("/", _FOLDER))
        self._waiting += reversed(path.parts[1:] if path.is_absolute() else path.parts)

    def _enter(self, at: Path, folder: int) -> None:
        os.close(self.folder)
        self._at, self.folder = at, folder


@contextmanager
def located(path: Path, judge: Judge = anything) -> Iterator[Destination]:
    """Find where a path leads, with its folder open during the block; OSError."""
    walk = _Walk(path, judge)
    try:
        yield walk.end()
    finally:
        os.close(walk.folder)


@contextmanager
def opened(path: Path, judge: Judge = anything, *, regular: bool = False) -> Iterator[BinaryIO]:
    """Open a file to be read; with `regular` no pipe or device, which may have no end. OSError, UsageError (2).

    A pipe is read to its end, or to `MAX_BYTES`, before that; one that no program writes to is refused.
    """
    with located(path, judge) as place:
        if place.status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        descriptor = place.open(os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if regular and not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{printable(str(path))}: not a regular file")
            judge(place.path, status)
            piped = _first_piece(descriptor, path) if stat.S_ISFIFO(status.st_mode) else None
            os.set_blocking(descriptor, True)
            yield file if piped is None else BytesIO(piped + file.read(MAX_BYTES + 1))


def _first_piece(descriptor: int, path: Path) -> bytes:
    """Return what is in a pipe once something is, nothing if its writer still has to write; UsageError (2)."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    written = poll.poll(_WRITER_PATIENCE)
    try:
        piece = os.read(descriptor, _PIECE)
    except BlockingIOError:
        return b""
    if not piece and not written:
        raise UsageError(f"{printable(str(path))}: a pipe that no program writes to; name a file, or start its writer")
    return piece


def read(path: Path, judge: Judge = anything, *, regular: bool = False) -> bytes:
    """Return what a file holds; UsageError (2) says why it can't be read, or that it is larger than `MAX_BYTES`."""
    try:
        with opened(path, judge, regular=regular) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{printable(str(path))}: {error.strerror if isinstance(error, OSError) else error}"
        ) from error
    if len(content) > MAX_BYTES:
        raise too_large(str(path))
    return content


def too_large(what: str) -> UsageError:
    """Return the error of what is larger than anything that podnet writes."""
    return UsageError(f"{printable(what)}: larger than {MAX_BYTES >> 20} MiB; this is not a podnet file")


def replace(path: Path, parts: Iterable[bytes], judge: Judge = anything, *, mode: int = 0o666) -> None:
    """Write a file whole or not at all, and so that a loss of power right after does not lose it; OSError.

    A symbolic link stays, and what it leads to is replaced: owner, mode and extended attributes stay as they were. A
    new file has the mode that the umask leaves of `mode`. What is no regular file, such as a device or a pipe, is
    written to, and that takes no longer than a reader that reads.
    """
    with located(path, judge) as place:
        if place.status is not None and (place.passing or not stat.S_ISREG(place.status.st_mode)):
            _write_through(place, parts)
        else:
            _replace(place, parts, mode)


def _replace(place: Destination, parts: Iterable[bytes], mode: int) -> None:
    new = f".{place.name}.{os.urandom(4).hex()}"
    with new_file(new, parts, mode, folder=place.folder, finish=lambda descriptor: _be_like(place, descriptor)):
        os.replace(new, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    with suppress(PermissionError):  # who may write into a folder may not always look into it
        sync(".", folder=place.folder)


@contextmanager
def new_file(
    name: str,
    parts: Iterable[bytes],
    mode: int,
    *,
    folder: int | None = None,
    finish: Callable[[int], None] = lambda _: None,
) -> Iterator[None]:
    """Write a new file down to the disk, for a block that gives it its name: of a failure nothing is left. OSError."""
    try:
        descriptor = os.open(name, _NEW, mode, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            finish(descriptor)
            file.flush()
            os.fsync(descriptor)
        yield
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        raise


def _be_like(place: Destination, descriptor: int) -> None:
    """Return a new file what the one has that it replaces."""
    if place.status is None:
        return
    with suppress(PermissionError):  # an ordinary user may replace another's file, and not in their name
        os.fchown(descriptor, place.status.st_uid, place.status.st_gid)
    was = place.open(_ENTRY)
    try:
        shutil.copystat(f"/proc/self/fd/{was}", f"/proc/self/fd/{descriptor}")
    finally:
        os.close(was)
    os.utime(descriptor)


def _write_through(place: Destination, parts: Iterable[bytes]) -> None:
    descriptor = place.open(_THROUGH)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        for part in parts:
            rest = memoryview(part)
            while rest:
                if not poll.poll(_PATIENCE):
                    raise TimeoutError(errno.ETIMEDOUT, "what reads it takes nothing")
                with suppress(BlockingIOError):
                    rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def sync(path: str, *, folder: int | None = None) -> None:
    """Wait until the names in a folder are on the disk; OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
