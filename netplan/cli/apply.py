"""podnet apply: make this node what the spec, or a saved plan, says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from netplan.cli.connections import FlushConntrack
from netplan.cli.nodes import this_node
from netplan.cli.output import show_plan
from netplan.cli.spec import DEFAULT_STATE, NodeName, StateDir, Yes, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import LockTimeout, Turn, VarDir, carry_out, confirm, plan_of, turn
from netplan.compile import compile_node
from netplan.kernel.linux import Linux
from netplan.plan import Plan
from netplan.planfile import is_plan, read_plan
from netplan.state.origin import Origin
from netplan.work import Work

app = verb_app()

SHORTEST, LONGEST = 1, 24 * 60 * 60


class Options(NamedTuple):
    """How a plan is applied: without asking, with an end to old connections, until it is confirmed."""

    yes: bool
    flush: bool
    within: float | None


@app.command()
def apply(
    source: Annotated[
        Path, typer.Argument(metavar="SPEC|PLAN.json", help="A cluster spec, or what `plan --out` saved.")
    ],
    *,
    node: NodeName = None,
    state: StateDir = DEFAULT_STATE,
    yes: Yes = False,
    flush_conntrack: FlushConntrack = False,
    confirm_within: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=SHORTEST,
            max=LONGEST,
            help="Bring the state before back unless `podnet confirm` comes within so many seconds.",
        ),
    ] = None,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
) -> None:
    """Make this node what the spec, or a saved plan, says."""
    options = Options(yes, flush_conntrack, confirm_within)
    text = _text(source)
    if text is not None and is_plan(text):
        saved = _of_this_node(read_plan(text, str(source)), node)
        with turn("apply", folder, lock_timeout) as here:
            _apply(Work.saved(saved.nodes[0], Linux(saved.nodes[0].backend)), saved, here, options)
        return
    spec, at = open_here(source, node, state)
    desired = compile_node(spec, at)
    with turn("apply", folder, lock_timeout) as here:
        work = Work.live(desired, Linux(desired.backend))
        _apply(work, plan_of(spec, work), here, options)


def _of_this_node(saved: Plan, name: str | None) -> Plan:
    plans = {plan.node: plan for plan in saved.nodes}
    plan = plans[this_node({node: each.address for node, each in plans.items()}, name)]
    return Plan(saved.cluster, saved.spec_path, saved.spec_sha256, (plan,))


def _apply(work: Work, plan: Plan, here: Turn, options: Options) -> None:
    show_plan(plan)
    confirm(work.plan, yes=options.yes)
    origin = Origin.here("apply", plan, work.plan)
    carry_out(work, here, origin, flush=options.flush, within=options.within)


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
