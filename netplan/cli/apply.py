"""podnet apply: make this node what the spec, or a saved plan, says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.connections import FlushConntrack
from netplan.cli.nodes import this_node
from netplan.cli.output import show_plan
from netplan.cli.spec import NodeName, Yes, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import carry_out, confirm, plan_of
from netplan.compile import compile_node
from netplan.kernel.linux import Linux
from netplan.plan import Plan
from netplan.planfile import is_plan, read_plan
from netplan.work import Work

app = verb_app()


@app.command()
def apply(
    source: Annotated[
        Path, typer.Argument(metavar="SPEC|PLAN.json", help="A cluster spec, or what `plan --out` saved.")
    ],
    *,
    node: NodeName = None,
    yes: Yes = False,
    flush_conntrack: FlushConntrack = False,
) -> None:
    """Make this node what the spec, or a saved plan, says."""
    text = _text(source)
    if text is not None and is_plan(text):
        _apply_saved(read_plan(text, str(source)), node, yes=yes, flush=flush_conntrack)
        return
    spec, here = open_here(source, node)
    desired = compile_node(spec, here)
    work = Work.live(desired, Linux(desired.backend))
    _apply(work, plan_of(spec, work), yes=yes, flush=flush_conntrack)


def _apply_saved(saved: Plan, name: str | None, *, yes: bool, flush: bool) -> None:
    plans = {plan.node: plan for plan in saved.nodes}
    plan = plans[this_node({node: each.address for node, each in plans.items()}, name)]
    work = Work.saved(plan, Linux(plan.backend))
    _apply(work, Plan(saved.cluster, saved.spec_path, saved.spec_sha256, (work.plan,)), yes=yes, flush=flush)


def _apply(work: Work, plan: Plan, *, yes: bool, flush: bool) -> None:
    show_plan(plan)
    confirm(work.plan, yes=yes)
    carry_out(work, flush=flush)


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
