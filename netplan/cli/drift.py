"""podnet drift: whether this node still is what the spec says; for cron."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.connections import FlushConntrack
from netplan.cli.output import Format, show_json, show_plan, write_file
from netplan.cli.spec import NodeName, SpecPath, open_here
from netplan.cli.verb import verb_app
from netplan.cli.views.lines import DRIFT
from netplan.cli.views.metrics import drift_metrics
from netplan.cli.write import carry_out, plan_of
from netplan.compile import compile_node
from netplan.errors import ExitCode, UsageError
from netplan.kernel.linux import Linux
from netplan.plan import NodePlan
from netplan.planfile import plan_to_json
from netplan.spec.load import Spec
from netplan.work import Work

app = verb_app()


@app.command()
def drift(
    spec: SpecPath,
    *,
    node: NodeName = None,
    format: Annotated[Format, typer.Option(help="How to print the differences.")] = Format.TEXT,
    metrics_file: Annotated[
        Path | None, typer.Option(metavar="FILE.prom", help="Write the count of differences for node_exporter.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Apply what is missing, without asking.")] = False,
    flush_conntrack: FlushConntrack = False,
) -> None:
    """Compare this node with the spec; exit 1 on any difference."""
    if flush_conntrack and not fix:
        raise UsageError("--flush-conntrack goes with --fix: without it, drift changes nothing")
    loaded, here = open_here(spec, node)
    desired = compile_node(loaded, here)
    work = Work.live(desired, Linux(desired.backend))
    plan = plan_of(loaded, work)
    if format is Format.JSON:
        show_json(plan_to_json(plan))
    else:
        show_plan(plan, DRIFT)
    _measure(metrics_file, loaded, work.plan)
    if not fix:
        raise typer.Exit(ExitCode.DONE if work.plan.in_sync else ExitCode.DIFFERENCES)
    carry_out(work, flush=flush_conntrack)
    mended = replace(work.plan, changes=())
    _measure(metrics_file, loaded, mended)
    raise typer.Exit(ExitCode.DONE if mended.in_sync else ExitCode.DIFFERENCES)


def _measure(path: Path | None, spec: Spec, plan: NodePlan) -> None:
    """Write what is true of the node now, if anybody wants to know."""
    if path is not None:
        write_file(path, drift_metrics(spec.model.cluster, plan, time.time()))
