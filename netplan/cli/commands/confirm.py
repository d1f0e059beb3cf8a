"""podnet confirm: keep the state that an apply left, over whatever connection still works."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.context import DEFAULT_STATE, StateDir, machine_at
from netplan.cli.options import VarDir, verb_app
from netplan.cli.output import show
from netplan.operations.confirm import confirm_apply
from netplan.operations.saved_rules import write_of_spec
from netplan.store.files import check_folder

app = verb_app()


@app.command()
def confirm(
    token: Annotated[
        str | None, typer.Argument(metavar="[TOKEN]", help="What apply printed; not needed by the user who applied.")
    ] = None,
    *,
    state: StateDir = DEFAULT_STATE,
    folder: VarDir = None,
) -> None:
    """Keep the state that `apply --confirm-within` left."""
    machine = machine_at(folder)
    check_folder(machine.store.folder)
    confirmed = confirm_apply(machine.store, token)
    show(f"Confirmed: generation {confirmed.generation.number}.")
    if confirmed.unwritten is not None:
        write_of_spec(confirmed.unwritten, state, machine.store, machine.resolved, machine.report)
