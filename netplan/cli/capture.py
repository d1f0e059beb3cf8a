"""podnet capture: this machine's state as a record that `plan` reads back."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.output import say, show, write_file
from netplan.cli.verb import verb_app
from netplan.errors import UsageError
from netplan.kernel import recorded
from netplan.kernel.linux import Linux
from netplan.net import host_name
from netplan.work import whole_state

app = verb_app()


@app.command()
def capture(
    *,
    node: Annotated[str | None, typer.Option(metavar="N", help="The node's name; default: the hostname.")] = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE|-", help="Where to write; state/CLUSTER/NODE.json is where `plan` looks.")
    ] = Path("-"),
) -> None:
    """Record this machine's state for plans made elsewhere."""
    try:
        name = host_name(node or socket.gethostname())
    except ValueError as error:
        raise UsageError(str(error)) from error
    snapshot = whole_state(Linux())
    if str(out) == "-":
        show(recorded.render(snapshot, name, None))
        return
    write_file(out, recorded.render(snapshot, name, out.absolute().parent.name))
    say(f"Recorded {name} in {out}.")
