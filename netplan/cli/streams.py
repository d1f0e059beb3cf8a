"""Standard output and error that fail in words, whatever writes to them: a verb, typer's help, rich."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import TextIOWrapper
from typing import TextIO, TypeVar

from netplan.errors import UsageError

T = TypeVar("T")


class StandardOutput(TextIOWrapper):
    """Standard output: a reader that has seen enough, such as head(1), may close the pipe without a word.

    UsageError (2) if it can't be written otherwise.
    """

    def write(self, text: str) -> int:
        """Write text."""
        return self._guarded(lambda: super(StandardOutput, self).write(text), len(text))

    def flush(self) -> None:
        """Write what is not written yet."""
        self._guarded(super().flush, None)

    def _guarded(self, action: Callable[[], T], otherwise: T) -> T:
        try:
            return action()
        except BrokenPipeError:
            give_up(self)
        except OSError as error:
            give_up(self)
            raise UsageError(f"standard output can't be written: {error.strerror}") from error
        return otherwise


def give_up(stream: TextIO) -> None:
    """Send what is written to a stream, and what is not written yet, to /dev/null."""
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, stream.fileno())
    os.close(null)


def standard_output(stream: TextIOWrapper) -> StandardOutput:
    """Take over the stream that Python has opened."""
    encoding, errors, lines = stream.encoding, stream.errors, stream.line_buffering
    return StandardOutput(stream.detach(), encoding=encoding, errors=errors, line_buffering=lines)
