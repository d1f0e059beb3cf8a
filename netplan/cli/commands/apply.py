"""podnet apply: make this node what the spec, or a saved plan, says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from netplan.cli.ask import Order, carry_out, turn
from netplan.cli.context import DEFAULT_STATE, AllowUntrusted, NodeName, StateDir, Yes, open_here, trusting
from netplan.cli.live import kernel_of, live_work, resolved_here
from netplan.cli.nodes import this_node
from netplan.cli.options import FlushConntrack, LockTimeout, VarDir
from netplan.cli.output import say
from netplan.cli.persist import Pending, of_spec, pending, show_with_file
from netplan.cli.progress import bar
from netplan.cli.remembered import checked_against
from netplan.cli.safety import allowing
from netplan.cli.verb import verb_app
from netplan.desired.compile import backend_of, compile_node
from netplan.operations.interface_wait import await_interface
from netplan.operations.live_plan import LivePlan
from netplan.planning.plan import NodePlan, Plan
from netplan.planning.plan_json import is_plan, read_plan
from netplan.planning.safety import Flag
from netplan.store.store import Store
from netplan.system.files import MAX_BYTES, Judge, opened

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
    allow_untrusted_file: AllowUntrusted = False,
    flags: frozenset[Flag],
) -> None:
    """Make this node what the spec, or a saved plan, says."""
    options = Options(yes, flush_conntrack, confirm_within, flags)
    with trusting(allow=allow_untrusted_file) as judge:
        found = _saved(source, node, judge) or open_here(source, node, state, judge)
    if isinstance(found, Plan):
        saved = found
        with turn("apply", folder, lock_timeout) as here:
            read = partial(_taken_up, checked_against(saved.nodes[0], folder), folder)
            file = _file_of(saved, state, here.store)
            carry_out(_order(read, lambda plan: replace(saved, nodes=(plan,)), file, options), here)
        return
    spec, at = found
    await_interface(kernel_of(backend_of(spec)), at, say)
    desired = compile_node(spec, resolved_here(at))
    with turn("apply", folder, lock_timeout) as here:
        read = partial(live_work, desired, folder)
        carry_out(_order(read, lambda plan: Plan.of(spec, [plan]), pending(desired, here.store), options), here)


def _saved(path: Path, name: str | None, judge: Judge) -> Plan | None:
    """Read this node's part of a saved plan; None if the file is a spec, or can't be read."""
    with suppress(OSError, ValueError), opened(path, judge) as file:
        whole = file if file.seekable() else BytesIO(file.read(MAX_BYTES))
        if is_plan(whole):
            return read_plan(whole, str(path), lambda nodes: [this_node(nodes, name)])
    return None


def _file_of(saved: Plan, state: Path, store: Store) -> Pending | None:
    """Give the file of a saved plan that must change; that its spec is gone, which tells what goes into it, is said."""
    plan = saved.nodes[0]
    return of_spec(saved.spec_path, saved.spec_sha256, plan.node, state, store) if plan.persist else None


def _taken_up(plan: NodePlan, folder: Path | None) -> LivePlan:
    """Read the kernel for a saved plan; StalePlanError (3) if the state it depends on has changed."""
    with bar.during("reading the kernel"):
        return LivePlan.from_saved(plan, kernel_of(plan.backend, folder))


def _order(
    read: Callable[[], LivePlan], of: Callable[[NodePlan], Plan], file: Pending | None, options: Options
) -> Order:
    how = (options.flags, options.yes, file, options.flush, options.within)
    return Order("apply", read, of, partial(show_with_file, file=file), *how)
