"""podnet lease: a subnet for each node without one in the spec, kept in a file that is committed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from netplan.cli.context import DEFAULT_STATE, SpecPath, StateDir
from netplan.cli.options import verb_app
from netplan.cli.output import say, show, terminal
from netplan.net import Prefix
from netplan.operations.lease import LeasesWritten, lease_subnets
from netplan.spec.constraints.constraint import nodes
from netplan.spec.lease_allocation import Leasing, Rename

app = verb_app()


@app.command()
def lease(
    spec: SpecPath,
    *,
    state: StateDir = DEFAULT_STATE,
    release: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE", help="Free the subnet of a node that has left the spec; may be repeated."),
    ] = None,
    rename: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="OLD NEW", help="Let a node that has a new name in the spec keep its subnet."),
    ] = None,
) -> None:
    """Lease each node without a subnet the lowest that is free, and write that to DIR/CLUSTER/leases.yaml."""
    written = lease_subnets(spec, state, terminal, release or (), None if rename is None else Rename(*rename))
    leasing, leases = written
    show("\n".join([*_lines(leasing), _summary(written)]))
    for name, subnets in leasing.retained.items():
        command = leases.command(str(spec), "--release", name)
        say(f"{_listed(subnets)} is held for {name}, which is not in the spec: {command}")
    if leasing.waiting:
        command = leases.command(str(spec), "--rename", min(leasing.retained), leasing.waiting[0])
        anew = leases.command(str(spec))
        say(f"{nodes(leasing.waiting)} may be renamed too and got no subnet: {command}, or {anew} for a new one")


def _lines(leasing: Leasing) -> list[str]:
    released = (f"- {name}: {_listed(subnets)}" for name, subnets in leasing.released.items())
    renamed = (f"= {name}: {_listed(subnets)}" for name, subnets in leasing.renamed.items())
    return [*released, *renamed, *(f"+ {name}: {_listed(subnets)}" for name, subnets in leasing.allocated.items())]


def _listed(subnets: Iterable[Prefix]) -> str:
    return ", ".join(map(str, subnets))


def _summary(written: LeasesWritten) -> str:
    leasing = written.leasing
    if not written.anything:
        return f"Nothing to lease: every node of cluster {leasing.spec.model.cluster} has a subnet."
    renamed = f"{len(leasing.renamed)} renamed, " if leasing.renamed else ""
    counts = f"{renamed}{len(leasing.allocated)} leased, {len(leasing.released)} released"
    return f"{counts}: {written.leases.path} is written, commit it."
