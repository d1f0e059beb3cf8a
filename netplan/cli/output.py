"""Data goes to stdout, everything else to stderr; colour only on a terminal and never with NO_COLOR."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netplan.cli.progress import bar
from netplan.cli.streams import give_up
from netplan.errors import UsageError

if TYPE_CHECKING:
    from netplan.cli.views.styled import Styled
    from netplan.plan import Plan
    from netplan.resource import Json


LAYING_OUT: Final = "laying the plan out"
_NARROW: Final = 80
_READABLE: Final = 0o644
_WIDE: Final = 120


class Format(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def show(text: str) -> None:
    """Print data; UsageError (2) if it can't be written."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def show_json(data: Json) -> None:
    """Print data as JSON."""
    show(json_text(data))


def json_text(data: Json) -> str:
    """Give data as JSON for people and programs."""
    return json.dumps(data, indent=2)


def show_text(text: Styled) -> None:
    """Print styled text, in colour on a terminal; its lines are not wrapped, so that a pipe gets them whole."""
    show(_coloured(text) if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text.plain)


def _coloured(text: Styled) -> str:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as captured:  # by itself rich would exit with 1 when the reader closes the pipe
        console.print(text)
    return captured.get()


def show_plan(plan: Plan, title: str = "Plan", settings: Sequence[str] = ()) -> None:
    """Print a plan as text, as wide as the terminal but never narrower than 80 columns; see `plan_text`."""
    from netplan.cli.views.text import plan_text

    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    with bar.during(LAYING_OUT):
        text = plan_text(plan, title, min(max(columns, _NARROW), _WIDE), settings)
    show_text(text)


def say(message: str) -> None:
    """Tell the user something that is not data; where nobody can be told, that changes nothing of the outcome."""
    _tell(message + "\n")


def _tell(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        give_up(sys.stderr)


def ask(question: str) -> bool:
    """Ask for a yes on the terminal; everything else, an end of input, of the terminal and Ctrl-C too, is a no."""
    _tell(f"{question} [y/N] ")
    try:
        answer = sys.stdin.readline()
    except (KeyboardInterrupt, OSError):
        answer = ""
    if not answer.endswith("\n"):
        _tell("\n")
    return answer.strip().lower() in ("y", "yes")


def write_file(path: Path, text: str) -> None:
    """Write a file whole or not at all, and so that a loss of power right after does not lose it.

    A symbolic link stays, and what it leads to is written; what is no regular file, such as a device or a pipe, is
    written to and not replaced. UsageError (2) if it can't be written, or its folder is not there.
    """
    try:
        target = _replaceable(path)
        if target is None:
            with path.open("w") as opened:
                opened.write(text)
        elif not target.parent.is_dir():
            raise UsageError(f"{path} can't be written: there is no folder {target.parent}: mkdir -p makes it")
        else:
            _replace(target, text)
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from error


def _replaceable(path: Path) -> Path | None:
    """Give the regular file that a path leads to, or that is to be made; None for what can only be written to."""
    target = Path(os.path.realpath(path))
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return target
    # a link below /proc, as /dev/stdout is one, may lead to a file that has no name any more
    return target if stat.S_ISREG(found.st_mode) and target.exists() and target.samefile(path) else None


def _replace(target: Path, text: str) -> None:
    """Put a new file in the place of one, or where none is."""
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile("w", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        written = Path(file.name)
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            written.chmod(_READABLE)
            written.replace(target)
            _sync(target.parent)
        except OSError:
            written.unlink(missing_ok=True)
            raise


def _sync(folder: Path) -> None:
    """Wait until a folder's names are on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
