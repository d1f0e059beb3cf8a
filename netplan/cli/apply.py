"""podnet apply: make this node what the spec, or a saved plan, says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from netplan.cli.live import kernel_of, live_work, resolved_here
from netplan.cli.nodes import this_node
from netplan.cli.options import FlushConntrack, LockTimeout, VarDir
from netplan.cli.output import say, show, show_plan
from netplan.cli.persist import Pending, of_spec, pending
from netplan.cli.progress import bar
from netplan.cli.remembered import checked_against
from netplan.cli.safety import allowing, check_safe
from netplan.cli.spec import DEFAULT_STATE, NodeName, StateDir, Yes, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import Turn, carry_out, confirm, turn
from netplan.compile import backend_of, compile_node
from netplan.plan import Plan
from netplan.planfile import is_plan, read_plan
from netplan.ready import await_interface
from netplan.safety import Flag
from netplan.state.origin import Origin
from netplan.state.store import Store
from netplan.work import Work

app = verb_app()

SHORTEST, LONGEST = 1, 24 * 60 * 60


class Options(Struct, frozen=True):
    """How a plan is applied: unasked, with an end to old connections, until it is confirmed, in spite of dangers."""

    yes: bool
    flush: bool
    within: float | None
    flags: frozenset[Flag]


@app.command()
@allowing()
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
    flags: frozenset[Flag],
) -> None:
    """Make this node what the spec, or a saved plan, says."""
    options = Options(yes, flush_conntrack, confirm_within, flags)
    text = _text(source)
    if text is not None and is_plan(text):
        saved = _of_this_node(read_plan(text, str(source)), node)
        with turn("apply", folder, lock_timeout) as here:
            with bar.during("reading the kernel"):
                work = Work.saved(checked_against(saved.nodes[0], folder), kernel_of(saved.nodes[0].backend))
            _apply(work, replace(saved, nodes=(work.plan,)), here, _file_of(saved, state, here.store), options)
        return
    spec, at = open_here(source, node, state)
    await_interface(kernel_of(backend_of(spec)), at, say)
    desired = compile_node(spec, resolved_here(at))
    with turn("apply", folder, lock_timeout) as here:
        work = live_work(desired, folder)
        _apply(work, Plan.of(spec, [work.plan]), here, pending(desired, here.store), options)


def _of_this_node(saved: Plan, name: str | None) -> Plan:
    plans = {plan.node: plan for plan in saved.nodes}
    plan = plans[this_node({node: each.address for node, each in plans.items()}, name)]
    return Plan(saved.cluster, saved.spec_path, saved.spec_sha256, (plan,))


def _file_of(saved: Plan, state: Path, store: Store) -> Pending | None:
    """Give the file of a saved plan that must change; that its spec is gone, which tells what goes into it, is said."""
    plan = saved.nodes[0]
    return of_spec(saved.spec_path, saved.spec_sha256, plan.node, state, store) if plan.persist else None


def _apply(work: Work, plan: Plan, here: Turn, file: Pending | None, options: Options) -> None:
    show_plan(plan)
    if file is not None:
        show(str(file))
    check_safe(work, options.flags)
    confirm(work.plan, file, yes=options.yes)
    origin = Origin.here("apply", plan, work.plan)
    carry_out(work, here, origin, file, flush=options.flush, within=options.within)


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
