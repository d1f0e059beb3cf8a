"""How a verb's command is made: plain help, as wide as any terminal, and nothing written to the user's shell."""

from __future__ import annotations

import typer


def verb_app(*, no_args_is_help: bool = False) -> typer.Typer:
    """Give the typer application of one verb."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=no_args_is_help)
