"""podnet compile: the desired state of one node, or of each."""

from __future__ import annotations

from netplan.cli.context import (
    DEFAULT_STATE,
    NodeName,
    SpecPath,
    StateDir,
    addresses_of,
    known,
    open_spec,
)
from netplan.cli.options import verb_app
from netplan.cli.output import Format, show_json, show_text, terminal
from netplan.cli.views.desired import desired_json, desired_text
from netplan.desired.compile import compile_node
from netplan.operations.assumed_mtu import note_assumed
from netplan.planning.underlay import unresolved

app = verb_app()


@app.command(name="compile")
def compile_spec(
    spec: SpecPath, *, node: NodeName = None, state: StateDir = DEFAULT_STATE, format: Format = Format.TEXT
) -> None:
    """Show the desired state of one node, or of each."""
    loaded = open_spec(spec, state)
    nodes = [loaded.topology.by_name[known(addresses_of(loaded), node)]] if node else [*loaded.topology.nodes]
    note_assumed(loaded, nodes, terminal)
    desired = [compile_node(loaded, unresolved(node)) for node in nodes]
    if format is Format.JSON:
        show_json(desired_json(loaded.model.cluster, desired))
    else:
        show_text(desired_text(desired))
