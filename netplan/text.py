"""The word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_CUTOFF: Final = 0.6
_LONG: Final = 64


def did_you_mean(word: str, words: Iterable[str], cutoff: float = _CUTOFF) -> str:
    """Return the one of some words that is most like a word, nothing if none is; `cutoff` is how alike, of 1."""
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes need it

    return next(iter(get_close_matches(word[:_LONG], [*words], n=1, cutoff=cutoff)), "")
