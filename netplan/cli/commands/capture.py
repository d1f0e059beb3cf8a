"""podnet capture: this machine's state as a record that `plan` reads back."""

from __future__ import annotations

import socket
from collections.abc import Set
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.context import kernel_of
from netplan.cli.options import VarDir, verb_app
from netplan.cli.output import say, show, terminal, write_file
from netplan.cli.progress import bar
from netplan.errors import ObserveError, RefusedError, UsageError
from netplan.kernel import Kernel
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, FirewallBackend
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.ipset.value import IpSet
from netplan.kinds.resource import Resource
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl.usual import usual
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import host_name
from netplan.operations.live_plan import whole_state
from netplan.operations.remembered import overwritten
from netplan.store import records
from netplan.store.vardir import var_dir

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
    with bar.during("reading the kernel"):
        kernel = kernel_of(None)
        written = overwritten(var_dir(folder), terminal)
        snapshot = _recorded(kernel, {each.name for each in written})
        other = _of_the_other_backend(snapshot)
    if str(out) == "-":
        show(records.render(snapshot, name, None, written, other))
        return
    write_file(out, records.render(snapshot, name, _cluster(out), written, other))
    say(f"Recorded {name} in {out}.")


def _recorded(kernel: Kernel, written: Set[str]) -> Snapshot:
    """Observe everything, and the parameters that specs usually set or that podnet has written."""
    whole = whole_state(kernel)
    devices = {held.link for held in whole.all(LinkAddress)}
    settings = kernel.observe(Interest(sysctls=usual(devices) | written)).all(Sysctl)
    known = {sysctl.name: sysctl for sysctl in (*whole.all(Sysctl), *settings)}
    return whole.replace(Sysctl, [known[name] for name in sorted(known)])


def _of_the_other_backend(state: Snapshot) -> Snapshot | None:
    """Observe the rules as the iptables of the other backend shows them; None if it is not here or can't read them."""
    (backend,) = set(FirewallBackend) - {state.backend}
    try:
        seen = whole_state(kernel_of(backend))
    except ObserveError as error:
        say(f"The rules as iptables-{backend} shows them are not recorded: {error}")
        return None
    except RefusedError:  # that program is not installed
        return None
    kinds: tuple[type[Resource], ...] = (Chain, OtherChain, IpSet)
    rules = {kind: seen.all(kind) for kind in kinds}
    return Snapshot(backend, {**state.objects, **rules})


def _cluster(out: Path) -> str | None:
    """Give the cluster whose record a file is by its folder; None if it is not where `plan` looks, or may be copied."""
    folder = out.absolute().parent
    return folder.name if folder.parent.name == "state" else None
