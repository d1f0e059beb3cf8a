"""podnet confirm: keep the state that an apply left, over whatever connection still works."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.context import DEFAULT_STATE, StateDir, resolved_here
from netplan.cli.options import VarDir, verb_app
from netplan.cli.output import show, terminal
from netplan.kernel.linux import require_privilege
from netplan.operations.confirm import confirm as confirm_state
from netplan.operations.saved_rules import SpecSource, write_of_spec
from netplan.store.files import check_folder
from netplan.store.store import Store
from netplan.store.vardir import var_dir

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
    require_privilege()
    store = Store(var_dir(folder))
    check_folder(store.folder)
    entry = store.journal.read()
    kept = confirm_state(store, token)
    show(f"Confirmed: generation {kept.number}.")
    if entry is None or entry.confirm is None or entry.confirm.spec is None or entry.confirm.process.alive:
        return
    source = SpecSource(entry.confirm.spec, entry.origin.spec_sha256, entry.origin.node)
    write_of_spec(source, state, store, resolved_here, terminal)
