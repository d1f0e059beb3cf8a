"""What can go wrong, and the exit code that says so.

PodnetError
  UsageError          2  wrong use, or the spec or a record is wrong
    SpecError            the spec, with every problem and its place
  RefusedError        3  nothing was changed
    ObserveError         the kernel's state can't be read, or not safely
      UnsteadyError      it changes faster than it can be read
    StalePlanError       the kernel changed since the plan was made
    StoreError           podnet's own files on the node can't be read or written, or not safely
    LockedError          another podnet holds the lock on the node
    PendingError         an apply on the node waits for its confirm
  KernelError            the kernel refused one write; apply turns it into one of the last three
    ObjectRefusedError   it says which change (netplan.kinds.resource)
    ContendedError       another program changed what was being written
  CheckError             something that the spec wants to work does not after an apply: likewise
  RestoredError       4  failed, and the previous state was restored
    OvertakenError       since another program changed the same rules meanwhile: planned again it may succeed
  HalfStateError      5  failed, and the state before could not be restored wholly
  ChangedError        5  something unforeseen, after the node was changed: that stays
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar, Final

from msgspec import Struct


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    DIFFERENCES = 1
    USAGE = 2
    REFUSED = 3
    RESTORED = 4
    HALF_STATE = 5


_SHORTAGES: Final = frozenset(
    {
        errno.EAGAIN,
        errno.EDQUOT,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOLCK,
        errno.ENOMEM,
        errno.ENOSPC,
    }
)


class Location(Struct, frozen=True, order=True):
    """A place in a file; lines and columns count from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Problem(Struct, frozen=True):
    """One mistake in a spec: where, what, what would be right, and the places it collides with."""

    at: Location
    message: str
    hint: str = ""
    related: tuple[tuple[Location, str], ...] = ()


class PodnetError(Exception):
    """Anything that podnet reports to its user; the message is complete and needs no traceback."""

    exit_code: ClassVar[ExitCode]


class UsageError(PodnetError):
    """The command, the spec or a record is wrong."""

    exit_code = ExitCode.USAGE


class SpecError(UsageError):
    """A spec with problems; the message shows each with its line and a caret."""

    def __init__(self, problems: Sequence[Problem], message: str) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class RefusedError(PodnetError):
    """podnet will not go on; nothing was changed."""

    exit_code = ExitCode.REFUSED


class ObserveError(RefusedError):
    """The kernel's state can't be read, or not safely."""


class UnsteadyError(ObserveError):
    """The kernel's state changes faster than it can be read: tried again it may succeed."""


class StalePlanError(RefusedError):
    """What a saved plan depends on has changed since it was made."""


class StoreError(RefusedError):
    """A file that podnet keeps on the node can't be read or written, or not safely."""


class LockedError(RefusedError):
    """Another podnet holds the node's lock; the message says which, `verb` what it does, "" if that is not known."""

    def __init__(self, message: str, verb: str = "") -> None:
        super().__init__(message)
        self.verb = verb


class PendingError(RefusedError):
    """An apply waits for its confirm; the message says whose, and until when."""


class KernelError(PodnetError):
    """The kernel refused a write; the message names the object."""

    exit_code = ExitCode.RESTORED


class ContendedError(KernelError):
    """Another program changed what was being written: planned again it may succeed."""


class CheckError(PodnetError):
    """A check of the spec failed after an apply; the message names it."""

    exit_code = ExitCode.RESTORED


class RestoredError(PodnetError):
    """An apply failed, and the state before it was restored."""

    exit_code = ExitCode.RESTORED


class OvertakenError(RestoredError):
    """An apply was undone since another program changed the same rules meanwhile: planned again it may succeed."""


class HalfStateError(PodnetError):
    """An apply failed, and the state before it could not be restored wholly; the message says what is left."""

    exit_code = ExitCode.HALF_STATE


class ChangedError(PodnetError):
    """Something unforeseen happened after the node was changed, and the change stays."""

    exit_code = ExitCode.HALF_STATE

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f"{message_of(error)}\nThe node was changed before that: `podnet drift` compares it with the spec."
        )


def message_of(error: BaseException) -> str:
    """Return in words what went wrong: podnet's own message, what the machine is short of, or an internal error."""
    if isinstance(error, PodnetError):
        return str(error)
    if isinstance(error, MemoryError):
        return "this machine is short of what podnet needs: out of memory"
    if isinstance(error, OSError) and error.errno in _SHORTAGES:
        return f"this machine is short of what podnet needs: {os.strerror(error.errno)}"
    return f"internal error (please report): {type(error).__name__}: {error}"
