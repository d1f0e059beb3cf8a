"""A report that is kept, for the tests of use cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Kept:
    """Keeps the remarks of a use case, and what it said was under way."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.under_way: list[str] = []

    def note(self, message: str) -> None:
        """Keep a remark."""
        self.notes.append(message)

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Keep what is under way."""
        self.under_way.append(what)
        yield

    def progress(self, what: str, done: int = 0, total: int | None = None) -> None:
        """Keep nothing: how far something has come is of its moment alone."""
