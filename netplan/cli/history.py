"""podnet history: the states that were applied on this node."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.options import VarDir
from netplan.cli.output import Format, show, show_json
from netplan.cli.progress import bar
from netplan.cli.verb import verb_app
from netplan.cli.views.memory import history_json, history_text
from netplan.cli.write import intact
from netplan.state.store import Store
from netplan.state.vardir import var_dir

app = verb_app()


@app.command()
def history(
    *,
    folder: VarDir = None,
    format: Annotated[Format, typer.Option(help="How to print the generations.")] = Format.TEXT,
) -> None:
    """Show the states that were applied on this node, the newest last."""
    with bar.during("reading the generations"):
        generations = Store(var_dir(folder)).generations.all()
    intact(generations)
    if format is Format.JSON:
        show_json(history_json(generations))
    else:
        show(history_text(generations))
