"""podnet drift: whether this node still is what the spec says; for cron."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.connections import FlushConntrack
from netplan.cli.output import Format, show_json, show_plan, write_file
from netplan.cli.spec import DEFAULT_STATE, NodeName, SpecPath, StateDir, open_here
from netplan.cli.verb import verb_app
from netplan.cli.views.lines import DRIFT
from netplan.cli.views.metrics import drift_metrics
from netplan.cli.write import LockTimeout, VarDir, carry_out, plan_of, turn
from netplan.compile import compile_node
from netplan.errors import ExitCode, UsageError
from netplan.kernel.linux import Linux
from netplan.plan import Plan
from netplan.planfile import plan_to_json
from netplan.state.origin import Origin
from netplan.work import Work

app = verb_app()


@app.command()
def drift(
    spec: SpecPath,
    *,
    node: NodeName = None,
    state: StateDir = DEFAULT_STATE,
    format: Annotated[Format, typer.Option(help="How to print the differences.")] = Format.TEXT,
    metrics_file: Annotated[
        Path | None, typer.Option(metavar="FILE.prom", help="Write the count of differences for node_exporter.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Apply what is missing, without asking.")] = False,
    flush_conntrack: FlushConntrack = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
) -> None:
    """Compare this node with the spec; exit 1 on any difference."""
    if flush_conntrack and not fix:
        raise UsageError("--flush-conntrack goes with --fix: without it, drift changes nothing")
    loaded, here = open_here(spec, node, state)
    desired = compile_node(loaded, here)
    if not fix:
        work = Work.live(desired, Linux(desired.backend))
        _show(plan_of(loaded, work), format, metrics_file)
        raise typer.Exit(ExitCode.DONE if work.plan.in_sync else ExitCode.DIFFERENCES)
    with turn("drift --fix", folder, lock_timeout) as held:
        work = Work.live(desired, Linux(desired.backend))
        plan = plan_of(loaded, work)
        _show(plan, format, metrics_file)
        carry_out(work, held, Origin.here("drift --fix", plan, work.plan), flush=flush_conntrack)


def _show(plan: Plan, format: Format, metrics_file: Path | None) -> None:
    """Show the differences, and write their count for node_exporter."""
    if format is Format.JSON:
        show_json(plan_to_json(plan))
    else:
        show_plan(plan, DRIFT)
    if metrics_file:
        write_file(metrics_file, drift_metrics(plan.cluster, plan.nodes[0], time.time()))
