"""Data goes to stdout, everything else to stderr; colour only on a terminal and never with NO_COLOR."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from netplan.cli.progress import bar
from netplan.cli.streams import give_up
from netplan.net import printable

if TYPE_CHECKING:
    from netplan.cli.views.styled import Styled
    from netplan.kinds.resource import Json
    from netplan.operations.report import Report
    from netplan.operations.saved_rules import OutdatedFiles
    from netplan.planning.plan import Plan


LAYING_OUT: Final = "laying the plan out"
_NARROW: Final = 80
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
    """Return data as indented JSON."""
    return json.dumps(data, indent=2)


def show_text(text: Styled) -> None:
    """Print styled text, in colour on a terminal; lines are not wrapped, so that a pipe gets them whole."""
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
    """Tell the user something that is not data; that it can't be written does not change the outcome."""
    _tell(message + "\n")


def _tell(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        give_up(sys.stderr)


class _Terminal:
    """Writes to stderr what a use case reports, with a bar for what takes long; see `operations.report.Report`."""

    def note(self, message: str) -> None:
        """Print a remark, with control characters escaped line by line."""
        say("\n".join(map(printable, message.split("\n"))))

    def during(self, what: str) -> AbstractContextManager[None]:
        """Show a bar while the block runs, if it takes long."""
        return bar.during(what)

    def progress(self, what: str, done: int = 0, total: int | None = None) -> None:
        """Move the bar."""
        bar.tell(what, done, total)


terminal: Final[Report] = _Terminal()


def ask(question: str) -> bool:
    """Ask a question on the terminal, and return whether the answer is yes; end of input and Ctrl-C are a no."""
    _tell(f"{question} [y/N] ")
    try:
        answer = sys.stdin.readline()
    except (KeyboardInterrupt, OSError):
        answer = ""
    if not answer.endswith("\n"):
        _tell("\n")
    return answer.strip().lower() in ("y", "yes")


def show_with_file(plan: Plan, file: OutdatedFiles | None = None) -> None:
    """Show a plan as text, and the files to which the rules will be written."""
    show_plan(plan)
    if file is not None:
        show(str(file))
