"""What a use case reports while it runs: it prints nothing itself."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Report(Protocol):
    """Takes what a use case has to say besides its result, and how far it has come."""

    def note(self, message: str) -> None:
        """Take a remark for the user, in one line or several."""

    def during(self, what: str) -> AbstractContextManager[None]:
        """Take what is under way while the block runs."""

    def progress(self, what: str, done: int = 0, total: int | None = None) -> None:
        """Take how much of it is done, and of how much, None if that is unknown."""
