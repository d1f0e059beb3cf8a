"""Files that a user asks for: written whole or not at all, and never through another user's link."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

from netplan.errors import UsageError
from netplan.system.files import replace
from netplan.system.trust import own_links


def write_file(path: Path, text: str | Iterable[str]) -> None:
    """Write a file as `files.replace` does.

    UsageError (2) if it can't be written, or its folder does not exist; RefusedError (3) for a link of another user.
    """
    parts = [text] if isinstance(text, str) else text
    try:
        replace(path, (part.encode() for part in parts), own_links)
    except FileNotFoundError as error:
        raise UsageError(f"{path} can't be written: there is no folder {error.filename}: mkdir -p makes it") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be written: {_why(error)}") from error


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return "no program reads this pipe" if error.errno == errno.ENXIO else str(error.strerror)
    return "it would hold half a character" if isinstance(error, UnicodeEncodeError) else str(error)
