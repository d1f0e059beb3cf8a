"""podnet lease: a subnet for each node without one in the spec, kept in a file that is committed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.context import DEFAULT_STATE, SpecPath, StateDir
from netplan.cli.options import verb_app
from netplan.cli.output import say, show, write_file
from netplan.cli.progress import bar
from netplan.errors import UsageError
from netplan.net import Prefix, printable
from netplan.spec.constraints.constraint import nodes
from netplan.spec.lease_allocation import Leasing, Rename
from netplan.spec.lease_allocation import lease as lease_missing
from netplan.spec.load import read_unjudged

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
    with bar.during(f"reading {printable(spec.name)}"):
        reading = read_unjudged(spec, state)
        named = None if rename is None else Rename(*rename)
        leasing = lease_missing(reading, list(dict.fromkeys(release or ())), named)
    if leasing.allocated or leasing.released or leasing.renamed:
        _write(Path(reading.leases.path), leasing.text)
    show("\n".join([*_lines(leasing), _summary(leasing, reading.leases.path)]))
    for name, subnets in leasing.retained.items():
        command = reading.leases.command(str(spec), "--release", name)
        say(f"{_listed(subnets)} is held for {name}, which is not in the spec: {command}")
    if leasing.waiting:
        command = reading.leases.command(str(spec), "--rename", min(leasing.retained), leasing.waiting[0])
        anew = reading.leases.command(str(spec))
        say(f"{nodes(leasing.waiting)} may be renamed too and got no subnet: {command}, or {anew} for a new one")


def _lines(leasing: Leasing) -> list[str]:
    released = (f"- {name}: {_listed(subnets)}" for name, subnets in leasing.released.items())
    renamed = (f"= {name}: {_listed(subnets)}" for name, subnets in leasing.renamed.items())
    return [*released, *renamed, *(f"+ {name}: {_listed(subnets)}" for name, subnets in leasing.allocated.items())]


def _listed(subnets: Iterable[Prefix]) -> str:
    return ", ".join(map(str, subnets))


def _summary(leasing: Leasing, path: str) -> str:
    if not (leasing.allocated or leasing.released or leasing.renamed):
        return f"Nothing to lease: every node of cluster {leasing.spec.model.cluster} has a subnet."
    renamed = f"{len(leasing.renamed)} renamed, " if leasing.renamed else ""
    return f"{renamed}{len(leasing.allocated)} leased, {len(leasing.released)} released: {path} is written, commit it."


def _write(path: Path, text: str) -> None:
    """Write the leases, in a new folder for a new cluster; UsageError (2) if that can't be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent} can't be made: {error.strerror}") from error
    write_file(path, text)
