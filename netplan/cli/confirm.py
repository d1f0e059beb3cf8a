"""podnet confirm: keep the state that an apply left, over whatever connection still works."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.output import show
from netplan.cli.verb import verb_app
from netplan.cli.write import VarDir
from netplan.confirm import confirm as confirm_state
from netplan.kernel.linux import require_privilege
from netplan.state.store import Store
from netplan.state.vardir import var_dir

app = verb_app()


@app.command()
def confirm(
    token: Annotated[
        str | None, typer.Argument(metavar="[TOKEN]", help="What apply printed; not needed by the user who applied.")
    ] = None,
    *,
    folder: VarDir = None,
) -> None:
    """Keep the state that `apply --confirm-within` left."""
    require_privilege()
    kept = confirm_state(Store(var_dir(folder)), token)
    show(f"Confirmed: generation {kept.number}.")
