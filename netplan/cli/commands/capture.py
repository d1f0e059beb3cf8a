"""podnet capture: this machine's state as a record that `plan` reads back."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.context import kernel_of
from netplan.cli.options import VarDir, verb_app
from netplan.cli.output import say, show, terminal
from netplan.errors import UsageError
from netplan.net import host_name
from netplan.operations.capture import capture as read_node
from netplan.operations.capture import cluster_of
from netplan.store import records
from netplan.store.vardir import var_dir
from netplan.system.outputs import write_file

app = verb_app()


@app.command()
def capture(
    *,
    node: Annotated[str | None, typer.Option(metavar="N", help="The node's name; default: the hostname.")] = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE|-", help="Where to write; state/CLUSTER/NODE.json is where `plan` looks.")
    ] = Path("-"),
    folder: VarDir = None,
) -> None:
    """Record this machine's state for plans made elsewhere."""
    try:
        name = host_name(node or socket.gethostname())
    except ValueError as error:
        raise UsageError(str(error)) from error
    record = read_node(kernel_of, var_dir(folder), terminal)
    if str(out) == "-":
        show(records.render(record.state, name, None, record.overwritten, record.other))
        return
    write_file(out, records.render(record.state, name, cluster_of(out), record.overwritten, record.other))
    say(f"Recorded {name} in {out}.")
