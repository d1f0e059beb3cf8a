"""podnet history: the states that were applied on this node."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.options import VarDir, verb_app
from netplan.cli.output import Format, say, show, show_json, terminal
from netplan.cli.progress import bar
from netplan.cli.views.history import BegunApply, history_json, history_text
from netplan.errors import HalfStateError
from netplan.net import printable
from netplan.operations.rollback_target import intact
from netplan.store.files import check_folder
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
    store = Store(var_dir(folder))
    check_folder(store.folder)
    with bar.during("reading the generations"):
        generations = store.generations.all()
    intact(generations, terminal)
    begun = _begun(store)
    if format is Format.JSON:
        show_json(history_json(generations, begun))
    else:
        show(history_text(generations, begun))


def _begun(store: Store) -> BegunApply | None:
    """Return the apply that is no generation yet, if there is one; that its journal can't be read is a warning."""
    try:
        entry = store.journal.read()
    except HalfStateError as error:
        say(f"warning: {printable(str(error))}")
        return None
    return None if entry is None else BegunApply(entry, waits=store.waits(entry))
