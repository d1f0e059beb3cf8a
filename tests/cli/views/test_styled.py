"""Text with styles."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from netplan.cli.views.styled import Styled

TEXT = Styled().append("[red] ").append("dropped", "bold red")


def test_the_text_without_its_styles_is_all_that_was_added():
    assert TEXT.plain == "[red] dropped"


def test_styles_are_those_that_rich_knows_and_brackets_are_no_markup():
    console = Console(file=StringIO(), force_terminal=True, color_system="standard")
    with console.capture() as captured:
        console.print(TEXT)
    assert captured.get() == "[red] \x1b[1;31mdropped\x1b[0m\n"
