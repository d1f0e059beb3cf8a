"""podnet validate: every mistake of every spec, with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.context import DEFAULT_STATE, StateDir, open_spec
from netplan.cli.options import verb_app
from netplan.cli.output import say, show
from netplan.errors import ExitCode, UsageError
from netplan.net import counted

app = verb_app()


@app.command()
def validate(
    specs: Annotated[list[Path], typer.Argument(metavar="SPEC...", help="Cluster specs, YAML files.")],
    *,
    state: StateDir = DEFAULT_STATE,
) -> None:
    """Check specs and report every mistake with its place."""
    wrong = False
    for path in specs:
        try:
            spec = open_spec(path, state)
        except UsageError as error:
            wrong = True
            say(str(error))
        else:
            show(f"{path}: cluster {spec.model.cluster}, {counted(len(spec.topology.nodes), 'node')}, no mistakes")
    if wrong:
        raise typer.Exit(ExitCode.USAGE)
