"""What the verbs that take a spec have in common."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netplan.cli.output import say, terminal
from netplan.cli.progress import bar
from netplan.errors import UsageError
from netplan.net import Address, printable
from netplan.spec.lease_file import STATE
from netplan.spec.load import Spec, read
from netplan.spec.topology import AUTO, Node
from netplan.store.vardir import var_dir
from netplan.system.files import Judge, anything
from netplan.system.trust import FLAG, Trust
from netplan.text import did_you_mean

if TYPE_CHECKING:
    from netplan.kernel.linux import Linux
    from netplan.kinds.chain.value import FirewallBackend
    from netplan.operations.machine import Machine

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
    bool, typer.Option(FLAG, help="Use a spec, plan or leases that another user could have changed.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@contextmanager
def trusting(*, allow: bool) -> Iterator[Judge]:
    """Yield the judge of the files that a verb relies on, which raises UntrustedError (3); with `allow` it never does.

    When the block ends, there is a warning of each file that a group may change.
    """
    if allow:
        yield anything
        return
    judge = Trust()
    yield judge
    for path in judge.groups:
        shown = printable(str(path))
        say(f"warning: a group may write to {shown}, and so decide what root does: chmod g-w {shown}")


def addresses_of(spec: Spec) -> dict[str, Address]:
    """Return the underlay address of every node of a spec."""
    return {node.name: node.address.address for node in spec.topology.nodes}


def open_spec(path: Path, state: Path, judge: Judge = anything) -> Spec:
    """Read a spec with the leases below a state folder; a bar shows if that takes long."""
    with bar.during(f"reading {printable(path.name)}"):
        return read(path, state, judge)


def open_here(path: Path, name: str | None, state: Path, judge: Judge = anything) -> tuple[Spec, Node]:
    """Read a spec with the leases below a state folder, and return it with the node that this machine is."""
    spec = open_spec(path, state, judge)
    return spec, spec.topology.by_name[this_node(addresses_of(spec), name)]


class NoNodeError(UsageError):
    """The cluster has no such node."""


def known(nodes: Mapping[str, Address], name: str) -> str:
    """Return a node's name back; NoNodeError (2) if there is no such node."""
    if name in nodes:
        return name
    close = did_you_mean(name, nodes)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(list(nodes)[:5])}"
    raise NoNodeError(f"there is no node {name}; {hint}")


def this_node(nodes: Mapping[str, Address], name: str | None) -> str:
    """Return the named node, else the one whose name is the hostname or whose address this machine has.

    UsageError (2) if it is more than one, NoNodeError if it is none.
    """
    if name is not None:
        return known(nodes, name)
    from netplan.kernel.linux import addresses

    hostname = socket.gethostname()
    here = addresses()
    matching = [
        node for node, address in nodes.items() if node in (hostname, hostname.split(".")[0]) or address in here
    ]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise NoNodeError(
            f"this machine ({hostname}) matches no node of the cluster by name or address: use --node NAME"
        )
    raise UsageError(f"this machine ({hostname}) matches {' and '.join(matching)} by name or address: use --node NAME")


def kernel_of(backend: FirewallBackend | None, folder: Path | None = None) -> Linux:
    """Return this machine's kernel, whose progress the bar shows; tables that it creates are noted in podnet's folder.

    RefusedError (3) if the process may not administer the network.
    """
    from netplan.kernel.linux import Linux
    from netplan.store.tables import TablesFile

    return Linux(backend, progress=bar.tell, making=TablesFile(var_dir(folder)).note)


def machine_at(folder: Path | None) -> Machine:
    """Return this machine for a verb that writes to it; `folder` is where podnet remembers, None the default.

    RefusedError (3) if the process may not administer the network.
    """
    from netplan.kernel.linux import connections, forget, require_privilege
    from netplan.kernel.tables import take_away
    from netplan.operations.machine import Connections, Machine
    from netplan.store.store import Store
    from netplan.system.process import ssh_connection

    require_privilege()
    opener, tracked = partial(kernel_of, folder=folder), Connections(connections, forget)
    return Machine(opener, Store(var_dir(folder)), terminal, tracked, take_away, ssh_connection())


def resolved_here(node: Node) -> Node:
    """Return the node with what its spec leaves to this machine's devices, its interface or its MTU."""
    if node.interface != AUTO and not node.mtu_assumed:
        return node
    from netplan.kernel.linux import devices
    from netplan.planning.underlay import resolved

    return resolved(node, *devices())
