"""podnet drift: whether this node still is what the spec says; for cron."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.output import Format, show_json, show_plan
from netplan.cli.spec import NodeName, SpecPath, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import Work, carry_out, plan_of
from netplan.compile import compile_node
from netplan.errors import ExitCode
from netplan.kernel.linux import Linux
from netplan.planfile import plan_to_json

app = verb_app()


@app.command()
def drift(
    spec: SpecPath,
    *,
    node: NodeName = None,
    format: Annotated[Format, typer.Option(help="How to print the differences.")] = Format.TEXT,
    fix: Annotated[bool, typer.Option("--fix", help="Apply what is missing, without asking.")] = False,
) -> None:
    """Compare this node with the spec; exit 1 on any difference."""
    loaded, here = open_here(spec, node)
    desired = compile_node(loaded, here)
    work = Work.live(desired, Linux(desired.backend))
    plan = plan_of(loaded, work)
    if format is Format.JSON:
        show_json(plan_to_json(plan))
    else:
        show_plan(plan, "Drift")
    if work.plan.changes and not fix:
        raise typer.Exit(ExitCode.DIFFERENCES)
    carry_out(work)
