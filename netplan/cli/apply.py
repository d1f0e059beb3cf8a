"""podnet apply: make this node what the spec, or a saved plan, says."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.connections import FlushConntrack
from netplan.cli.nodes import this_node
from netplan.cli.output import say, show, show_plan
from netplan.cli.persist import Pending, pending
from netplan.cli.safety import (
    AllowDefaultRoute,
    AllowManyDeletes,
    AllowOffLink,
    AllowSession,
    allowed,
    check_safe,
)
from netplan.cli.spec import NodeName, Yes, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import carry_out, confirm, plan_of
from netplan.compile import Desired, compile_node
from netplan.kernel.linux import Linux
from netplan.net import printable
from netplan.plan import Plan
from netplan.planfile import is_plan, read_plan
from netplan.safety import Flag
from netplan.spec.load import parse
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
    allow_session: AllowSession = False,
    allow_default_route: AllowDefaultRoute = False,
    allow_many_deletes: AllowManyDeletes = False,
    allow_off_link: AllowOffLink = False,
) -> None:
    """Make this node what the spec, or a saved plan, says."""
    flags = allowed(
        session=allow_session,
        default_route=allow_default_route,
        many_deletes=allow_many_deletes,
        off_link=allow_off_link,
    )
    text = _text(source)
    if text is not None and is_plan(text):
        _apply_saved(read_plan(text, str(source)), node, flags, yes=yes, flush=flush_conntrack)
        return
    spec, here = open_here(source, node)
    desired = compile_node(spec, here)
    work = Work.live(desired, Linux(desired.backend))
    _apply(work, plan_of(spec, work), pending(desired), flags, yes=yes, flush=flush_conntrack)


def _apply_saved(saved: Plan, name: str | None, flags: frozenset[Flag], *, yes: bool, flush: bool) -> None:
    plans = {plan.node: plan for plan in saved.nodes}
    plan = plans[this_node({node: each.address for node, each in plans.items()}, name)]
    work = Work.saved(plan, Linux(plan.backend))
    file = pending(_desired(saved, plan.node)) if plan.persist else None
    _apply(work, Plan(saved.cluster, saved.spec_path, saved.spec_sha256, (plan,)), file, flags, yes=yes, flush=flush)


def _desired(saved: Plan, node: str) -> Desired | None:
    """Give what the spec of a saved plan wants of a node; None, which is said, if it is not there any more."""
    text = _text(Path(saved.spec_path))
    if text is None or sha256(text.encode()).hexdigest() != saved.spec_sha256:
        say(
            f"The rules for the next boot stay as they are: {printable(saved.spec_path)} is not here as it was when "
            "the plan was made. podnet apply SPEC brings them up to date."
        )
        return None
    spec = parse(text, saved.spec_path)
    return compile_node(spec, spec.topology.by_name[node])


def _apply(work: Work, plan: Plan, file: Pending | None, flags: frozenset[Flag], *, yes: bool, flush: bool) -> None:
    show_plan(plan)
    if file is not None:
        show(str(file))
    check_safe(work, flags)
    confirm(work.plan, file, yes=yes)
    carry_out(work, file, flush=flush)


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
