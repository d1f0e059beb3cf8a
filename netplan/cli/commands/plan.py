"""podnet plan: what would change on the nodes, from their recorded states, this machine's, or another spec's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netplan.cli.context import (
    DEFAULT_STATE,
    Records,
    SpecPath,
    addresses_of,
    kernel_of,
    known,
    open_spec,
    resolved_here,
    this_node,
)
from netplan.cli.options import VarDir, check_var_dir, verb_app
from netplan.cli.output import LAYING_OUT, PlanFormat, json_text, show, show_plan, terminal
from netplan.cli.progress import bar
from netplan.cli.views.lines import some
from netplan.desired.compile import compile_node
from netplan.errors import ExitCode, UsageError
from netplan.net import printable
from netplan.operations.plans import NODES, changed_settings, plan_move, plan_recorded, plan_this_node
from netplan.planning.plan import Plan
from netplan.planning.plan_json import plan_to_json, render_plan
from netplan.spec.lease_allocation import renamed_back
from netplan.spec.load import Spec, read_unjudged
from netplan.spec.topology import Node
from netplan.store.vardir import var_dir
from netplan.system.outputs import write_file
from netplan.system.process import ssh_connection

if TYPE_CHECKING:
    from netplan.planning.field_changes import FieldChange

app = verb_app()


@app.command()
def plan(
    spec: SpecPath,
    *,
    node: Annotated[list[str] | None, typer.Option(metavar="N", help="Plan this node only; may be repeated.")] = None,
    state: Records = DEFAULT_STATE,
    live: Annotated[bool, typer.Option("--live", help="Plan this machine, from its kernel.")] = False,
    against: Annotated[Path | None, typer.Option(metavar="SPEC2", help="Plan the move from this spec.")] = None,
    format: Annotated[PlanFormat, typer.Option(help="How to print the plan.")] = PlanFormat.TEXT,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the plan for `podnet apply FILE`.")] = None,
    folder: VarDir = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 if there are changes.")] = False,
) -> None:
    """Show what would change on the nodes, and why."""
    if live and against:
        raise UsageError("--live and --against exclude each other: a plan starts from one state")
    check_var_dir(folder, live=live)
    loaded = open_spec(spec, state)
    settings: tuple[FieldChange, ...] | None = None
    if live:
        result = _live(loaded, node or [], folder)
    elif against:
        old = _open_older(against, state, loaded)
        result = plan_move(loaded, old, _chosen(loaded, node), terminal)
        settings = changed_settings(old, loaded)
    else:
        result = plan_recorded(loaded, state, _chosen(loaded, node) or loaded.topology.nodes, terminal)
    if out:
        write_file(out, render_plan(result))
    _show(result, format, settings)
    if exit_code and not all(node_plan.in_sync for node_plan in result.nodes):
        raise typer.Exit(ExitCode.DIFFERENCES)


def _live(spec: Spec, names: Sequence[str], folder: Path | None) -> Plan:
    """Return the plan of this machine."""
    if len(names) > 1:
        raise UsageError("--live plans this machine: use --node once, or not at all")
    name = this_node(addresses_of(spec), names[0] if names else None)
    node = resolved_here(spec.topology.by_name[name])
    desired, opener = compile_node(spec, node), partial(kernel_of, folder=folder)
    return Plan.of(spec, [plan_this_node(desired, opener, var_dir(folder), terminal, ssh_connection())])


def _chosen(spec: Spec, names: Sequence[str] | None) -> list[Node] | None:
    """Return the nodes of some names, None where no name is given; NoNodeError (2) if there is no such node."""
    chosen = [known(addresses_of(spec), name) for name in dict.fromkeys(names or ())]
    return [spec.topology.by_name[name] for name in chosen] or None


def _open_older(path: Path, state: Path, spec: Spec) -> Spec:
    """Read the spec to move from; those of its nodes that have new names now had the leases of these."""
    with bar.during(f"reading {printable(path.name)}"):
        return renamed_back(read_unjudged(path, state), spec).judge()


def _setting_lines(settings: Sequence[FieldChange]) -> list[str]:
    """Return in lines where two specs differ; added nodes share one line, and removed nodes another."""
    nodes = [change for change in settings if change.field == NODES]
    added = [change.after for change in nodes if change.before is None]
    removed = [change.before for change in nodes if change.after is None]
    folded = [f"{NODES}: {sign} {some(names)}" for sign, names in (("+", added), ("-", removed)) if names]
    return [*(printable(str(change)) for change in settings if change.field != NODES), *folded]


def _show(plan: Plan, format: PlanFormat, settings: Sequence[FieldChange] | None) -> None:
    lines = _setting_lines(settings or ())
    match format:
        case PlanFormat.JSON:
            extra = {} if settings is None else {"settings": [change.to_json() for change in settings]}
            with bar.during(LAYING_OUT):
                text = json_text({**plan_to_json(plan), **extra})
            show(text)
        case PlanFormat.MARKDOWN:
            from netplan.cli.views.markdown import plan_markdown

            with bar.during(LAYING_OUT):
                text = plan_markdown(plan, lines)
            show(text)
        case PlanFormat.TEXT:
            show_plan(plan, settings=lines)
