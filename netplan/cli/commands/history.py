"""podnet history: the states that were applied on this node."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.options import VarDir, verb_app
from netplan.cli.output import Format, show, show_json, terminal
from netplan.cli.views.history import history_json, history_text
from netplan.operations.history import read_history
from netplan.store.store import Store
from netplan.store.vardir import var_dir

app = verb_app()


@app.command()
def history(
    *,
    folder: VarDir = None,
    format: Annotated[Format, typer.Option(help="How to print the generations.")] = Format.TEXT,
) -> None:
    """Show the states that were applied on this node, the newest last."""
    kept = read_history(Store(var_dir(folder)), terminal)
    if format is Format.JSON:
        show_json(history_json(*kept))
    else:
        show(history_text(*kept))
