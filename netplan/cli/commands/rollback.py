"""podnet rollback: back to an earlier generation, as one more plan."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.ask import dialogue
from netplan.cli.context import Yes, machine_at
from netplan.cli.options import (
    AllowBrokenTraffic,
    AllowDefaultRoute,
    AllowManyDeletes,
    AllowOffLink,
    AllowSession,
    LockTimeout,
    VarDir,
    verb_app,
)
from netplan.operations.request import Options
from netplan.operations.rollback import roll_back
from netplan.operations.safety import allowed

app = verb_app()


@app.command()
def rollback(
    generation: Annotated[
        int | None,
        typer.Argument(metavar="[GENERATION]", min=0, help="Its number; default: the state before the newest."),
    ] = None,
    *,
    yes: Yes = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    session: AllowSession = False,
    default_route: AllowDefaultRoute = False,
    many_deletes: AllowManyDeletes = False,
    off_link: AllowOffLink = False,
    broken: AllowBrokenTraffic = False,
) -> None:
    """Restore the state that an earlier generation left, or the one before the newest."""
    flags = allowed(
        session=session, default_route=default_route, many_deletes=many_deletes, off_link=off_link, broken=broken
    )
    options = Options(flags, lock_timeout=lock_timeout)
    roll_back(machine_at(folder), generation, options, dialogue(yes=yes))
