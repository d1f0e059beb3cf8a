"""What the verbs that take a spec have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.nodes import this_node
from netplan.cli.output import say
from netplan.cli.progress import bar
from netplan.net import Address, printable
from netplan.spec.constraints.constraint import nodes as name_nodes
from netplan.spec.lease_file import STATE
from netplan.spec.load import Spec, read
from netplan.spec.topology import USUAL_MTU, Node
from netplan.system.files import Judge, anything
from netplan.system.trust import FLAG, Trust

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The cluster spec, a YAML file.")]
NodeName = Annotated[
    str | None,
    typer.Option("--node", metavar="N", help="The node; default: the one with this machine's name or address."),
]
DEFAULT_STATE = Path(STATE)
StateDir = Annotated[
    Path, typer.Option("--state", metavar="DIR", help="Where leased subnets are, in DIR/CLUSTER/leases.yaml.")
]
Records = Annotated[Path, typer.Option("--state", metavar="DIR", help="Where recorded states and leased subnets are.")]
AllowUntrusted = Annotated[
    bool, typer.Option(FLAG, help="Go by a spec, plan or leases that another user could have changed.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@contextmanager
def trusting(*, allow: bool) -> Iterator[Judge]:
    """Return the judge of what a verb goes by; UntrustedError (3) unless all is allowed, as where nothing is written.

    That a group may change it is a warning, when the block ends.
    """
    if allow:
        yield anything
        return
    judge = Trust()
    yield judge
    for path in judge.groups:
        shown = printable(str(path))
        say(f"warning: a group may write to {shown}, and so choose what root does: chmod g-w {shown}")


def addresses_of(spec: Spec) -> dict[str, Address]:
    """Give the underlay address of every node of a spec."""
    return {node.name: node.address.address for node in spec.topology.nodes}


def open_spec(path: Path, state: Path, judge: Judge = anything) -> Spec:
    """Read a spec with the leases below a state folder, with a bar if that takes long."""
    with bar.during(f"reading {printable(path.name)}"):
        return read(path, state, judge)


def tell_assumed(spec: Spec, nodes: Sequence[Node]) -> None:
    """Say for which nodes an MTU is assumed that a tunnel depends on, since their interfaces are not at hand."""
    backend = spec.model.backend
    assumed = [node.name for node in nodes if node.mtu_assumed]
    if assumed and backend.type == "vxlan" and backend.mtu is None:
        say(f"podnet: mtu: auto: {USUAL_MTU} is assumed for {name_nodes(assumed)}: no kernel or record is at hand")


def open_here(path: Path, name: str | None, state: Path, judge: Judge = anything) -> tuple[Spec, Node]:
    """Read a spec with the leases below a state folder, and find the node that this machine is."""
    spec = open_spec(path, state, judge)
    return spec, spec.topology.by_name[this_node(addresses_of(spec), name)]
