"""podnet lab: the spec's cluster in network namespaces on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from netplan.cli.context import DEFAULT_STATE, SpecPath, StateDir, open_spec
from netplan.cli.options import verb_app
from netplan.cli.output import say, show
from netplan.errors import UsageError
from netplan.lab.holder import holders
from netplan.lab.lab import Lab
from netplan.spec.load import read_unjudged
from netplan.system.helpers import environment_of_users

app = verb_app(no_args_is_help=True)

LabSpec = Annotated[
    Path | None, typer.Argument(metavar="[SPEC]", help="The lab's spec; not needed while only one lab is up.")
]


@app.callback()
def lab() -> None:
    """Build the spec's cluster in network namespaces on this machine."""


@app.command()
def up(
    spec: SpecPath,
    *,
    pods: Annotated[int, typer.Option(min=1, max=9, help="How many pods stand behind each node's bridge.")] = 2,
    state: StateDir = DEFAULT_STATE,
) -> None:
    """Build nodes, pods, switches, a router and an outside host."""
    loaded = open_spec(spec, state)
    built = Lab.up(loaded.topology, pods=pods, spec=str(spec))
    show(f"Lab {built.cluster} is up: {', '.join(host.name for host in built.hosts)}.")
    say(f"Run a command on one of them: podnet lab exec {built.hosts[0].name} -- ip route")


@app.command()
def down(spec: LabSpec = None) -> None:
    """Take the lab down, with every process in it."""
    lab = _find(spec)
    lab.down()
    show(f"Lab {lab.cluster} is down.")


@app.command(name="exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def execute(
    words: Annotated[
        list[str], typer.Argument(metavar="[SPEC] NODE|POD -- CMD...", help="The lab's spec, a host, and a command.")
    ],
) -> NoReturn:
    """Run a command on a node or in a pod, with this terminal."""
    spec = Path(words.pop(0)) if words[0].endswith((".yaml", ".yml")) else None
    command = [word for number, word in enumerate(words[1:]) if number or word != "--"]
    if not command:
        raise UsageError("the host or the command is missing: podnet lab exec NODE|POD -- CMD")
    lab = _find(spec) if spec else _holding(words[0])
    argv = lab.command(words[0], command)
    os.execve(argv[0], argv, environment_of_users())  # noqa: S606 - the command takes the place of this process, with its terminal


@app.command()
def status(spec: LabSpec = None) -> None:
    """Show the hosts of the lab with their addresses and devices."""
    lab = _find(spec)
    show(f"Lab {lab.cluster}, made from {lab.spec}")
    for host, state in zip(lab.hosts, lab.status(), strict=True):
        addresses = ", ".join(map(str, host.addresses))
        devices = ", ".join(f"{link.name} {'up' if link.up else 'DOWN'}" for link in state.links if link.name != "lo")
        show(f"  {host.name:<20} {host.kind:<8} {addresses:<32} {devices or 'gone'}")


def _find(spec: Path | None) -> Lab:
    return Lab.find(_name(spec))


def _holding(host: str) -> Lab:
    """Return the lab that is up, or of several the only one with the host; UsageError (2) if there is not just one."""
    names = [holder.name for holder in holders()]
    holding = [lab for lab in map(_ready, names) if lab and any(machine.name == host for machine in lab.hosts)]
    return holding[0] if len(names) > 1 and len(holding) == 1 else _find(None)


def _ready(name: str) -> Lab | None:
    try:
        return Lab.find(name)
    except (UsageError, OSError):  # it is being built, has gone meanwhile, or is of another user
        return None


def _name(spec: Path | None) -> str:
    """Return the name of a spec's lab, or of the only one that is up; UsageError (2) if there is not just one."""
    if spec is not None:
        return read_unjudged(spec, None).judge(complete=False).model.cluster
    names = [holder.name for holder in holders()]
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError("no lab is up: start one with podnet lab up SPEC")
    raise UsageError(f"more than one lab is up ({', '.join(names)}): name one by its SPEC")
