"""A bar on the terminal for what takes longer than a second; nowhere else, and gone when it is done.

It is drawn by a thread that only reads how far the work has come, so that the work never waits for the terminal.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from threading import Event, Thread

    from rich.progress import Progress

_PATIENCE: Final = 1.0
_TICK: Final = 0.1


class _Point(Struct, frozen=True):
    """How far the work has come: what is done, how much of it, and of how much, None where that is unknown."""

    what: str
    done: int = 0
    total: int | None = None


class Bar:
    """What is under way in this process, for the user who waits for it."""

    def __init__(self) -> None:
        self._point = _Point("")

    def tell(self, what: str, done: int = 0, total: int | None = None) -> None:
        """Say how far the work has come."""
        self._point = _Point(what, done, total)

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Show the bar while the block runs, if it takes long, on a terminal; the block must print nothing itself."""
        self.tell(what)
        if not sys.stderr.isatty():
            yield
            return
        from threading import Event, Thread

        over = Event()
        thread = Thread(target=self._watch, args=(over,), daemon=True)
        _start_deaf(thread)
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: Event) -> None:
        if over.wait(_PATIENCE):
            return
        with suppress(OSError, ValueError), _drawn() as progress:  # the terminal may be gone
            task = progress.add_task(self._point.what, total=None)
            while not over.wait(_TICK):
                point = self._point
                progress.tasks[task].total = point.total
                progress.update(task, description=point.what, completed=point.done)
                progress.refresh()


bar: Final = Bar()


def _start_deaf(thread: Thread) -> None:
    """Start a thread that no signal reaches: the main thread alone handles them."""
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


def _drawn() -> Progress:
    """Return a bar that vanishes at its end, and never hides the cursor, which a killed process could not restore."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    class Visible(Console):
        def show_cursor(self, show: bool = True) -> bool:  # noqa: FBT001, FBT002 - rich's signature
            return False

    columns = TextColumn("podnet: {task.description}", markup=False), BarColumn(), TimeElapsedColumn()
    return Progress(
        *columns,
        console=Visible(file=sys.stderr),
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
