"""Text with styles, which are looked at only where there is colour: what writes colour takes long to load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.text import Text


class Styled:
    """Text in pieces, each with a style as rich names it: `bold red`, or none."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, str]] = []

    def append(self, text: str, style: str = "") -> Self:
        """Add a piece at the end."""
        self._pieces.append((text, style))
        return self

    @property
    def plain(self) -> str:
        """The text without its styles."""
        return "".join(text for text, _ in self._pieces)

    def __rich__(self) -> Text:
        """Return the text as rich prints it."""
        from rich.text import Text

        return Text.assemble(*self._pieces, end="")
