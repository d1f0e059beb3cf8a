"""podnet plan: what would change on the nodes, from their recorded states, this machine's, or another spec's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.nodes import known, this_node
from netplan.cli.output import PlanFormat, show, show_json, show_text, write_file
from netplan.cli.spec import SpecPath, addresses_of
from netplan.compile import compile_node
from netplan.differences import differences
from netplan.errors import ExitCode, UsageError
from netplan.kernel import recorded
from netplan.kinds.chain.value import Backend
from netplan.plan import NodePlan, Plan, Source, plan_node
from netplan.planfile import plan_to_json, render_plan
from netplan.project import project
from netplan.snapshot import Snapshot
from netplan.spec.load import Spec, read
from netplan.topology import Node

app = typer.Typer()


@app.command()
def plan(
    spec: SpecPath,
    *,
    node: Annotated[list[str] | None, typer.Option(metavar="N", help="Plan this node only; may be repeated.")] = None,
    state: Annotated[Path, typer.Option(metavar="DIR", help="Where the recorded states are.")] = Path("state"),
    live: Annotated[bool, typer.Option("--live", help="Plan this machine, from its kernel.")] = False,
    against: Annotated[Path | None, typer.Option(metavar="SPEC2", help="Plan the move from this spec.")] = None,
    format: Annotated[PlanFormat, typer.Option(help="How to print the plan.")] = PlanFormat.TEXT,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the plan for `podnet apply FILE`.")] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 if there are changes.")] = False,
) -> None:
    """Show what would change on the nodes, and why."""
    if live and against:
        raise UsageError("--live and --against exclude each other: a plan starts from one state")
    loaded = read(spec)
    names = [known(addresses_of(loaded), name) for name in dict.fromkeys(node or [])]
    if live:
        plans = [_live(loaded, names)]
    else:
        nodes = [loaded.topology.by_name[name] for name in names] or list(loaded.topology.nodes)
        plans = list(_against(loaded, read(against), nodes) if against else _recorded(loaded, state, nodes))
    made = Plan(loaded.model.cluster, loaded.path, loaded.sha256, tuple(plans))
    if out:
        write_file(out, render_plan(made))
    _show(made, format)
    if exit_code and any(each.changes for each in made.nodes):
        raise typer.Exit(ExitCode.DIFFERENCES)


def _live(spec: Spec, names: list[str]) -> NodePlan:
    from netplan.kernel.linux import Linux

    if len(names) > 1:
        raise UsageError("--live plans this machine: say --node once, or not at all")
    node = spec.topology.by_name[this_node(addresses_of(spec), names[0] if names else None)]
    desired = compile_node(spec, node)
    return plan_node(desired, Linux(desired.backend).observe(desired.interest), Source.LIVE)


def _recorded(spec: Spec, folder: Path, nodes: list[Node]) -> Iterator[NodePlan]:
    for node in nodes:
        desired = compile_node(spec, node)
        record = recorded.read(folder, spec.model.cluster, node.name)
        empty = Snapshot(desired.backend or Backend.NFT)
        yield plan_node(desired, record or empty, Source.RECORDED if record else Source.EMPTY)


def _against(spec: Spec, old: Spec, nodes: list[Node]) -> Iterator[NodePlan]:
    """Plan from the state that the old spec would have made of an empty node."""
    for node in nodes:
        desired = compile_node(spec, node)
        before = Snapshot(desired.backend or Backend.NFT)
        if node.name in old.topology.by_name:
            then = compile_node(old, old.topology.by_name[node.name])
            before = project(before, differences(then, before))
        yield plan_node(desired, before, Source.SPEC)


def _show(made: Plan, format: PlanFormat) -> None:
    match format:
        case PlanFormat.JSON:
            show_json(plan_to_json(made))
        case PlanFormat.MARKDOWN:
            from netplan.cli.views.markdown import plan_markdown

            show(plan_markdown(made))
        case PlanFormat.TEXT:
            from netplan.cli.views.text import plan_text

            show_text(plan_text(made))
