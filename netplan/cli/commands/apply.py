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
from netplan.cli.context import (
    DEFAULT_STATE,
    AllowUntrusted,
    NodeName,
    StateDir,
    Yes,
    kernel_of,
    open_here,
    resolved_here,
    this_node,
    trusting,
)
from netplan.cli.options import (
    AllowDefaultRoute,
    AllowManyDeletes,
    AllowOffLink,
    AllowSession,
    FlushConntrack,
    LockTimeout,
    VarDir,
    verb_app,
)
from netplan.cli.output import say, show_with_file, terminal
from netplan.cli.progress import bar
from netplan.desired.compile import backend_of, compile_node
from netplan.operations.interface_wait import await_interface
from netplan.operations.live_plan import LivePlan, plan_live
from netplan.operations.remembered import checked_against
from netplan.operations.safety import allowed
from netplan.operations.saved_rules import Pending, SpecSource, of_spec, pending
from netplan.planning.plan import NodePlan, Plan
from netplan.planning.plan_json import is_plan, read_plan
from netplan.planning.safety import Flag
from netplan.store.store import Store
from netplan.store.vardir import var_dir
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
    options = Options(yes, flush_conntrack, confirm_within, flags)
    with trusting(allow=allow_untrusted_file) as judge:
        found = _saved(source, node, judge) or open_here(source, node, state, judge)
    if isinstance(found, Plan):
        saved = found
        with turn("apply", folder, lock_timeout) as here:
            read = partial(_taken_up, checked_against(saved.nodes[0], var_dir(folder), terminal), folder)
            file = _file_of(saved, state, here.store)
            carry_out(_order(read, lambda plan: replace(saved, nodes=(plan,)), file, options), here)
        return
    spec, at = found
    await_interface(kernel_of(backend_of(spec)), at, say)
    desired = compile_node(spec, resolved_here(at))
    with turn("apply", folder, lock_timeout) as here:
        read = partial(plan_live, desired, partial(kernel_of, folder=folder), var_dir(folder), terminal)
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
    if not plan.persist:
        return None
    return of_spec(SpecSource(saved.spec_path, saved.spec_sha256, plan.node), state, store, resolved_here, terminal)


def _taken_up(plan: NodePlan, folder: Path | None) -> LivePlan:
    """Read the kernel for a saved plan; StalePlanError (3) if the state it depends on has changed."""
    with bar.during("reading the kernel"):
        return LivePlan.from_saved(plan, kernel_of(plan.backend, folder))


def _order(
    read: Callable[[], LivePlan], of: Callable[[NodePlan], Plan], file: Pending | None, options: Options
) -> Order:
    how = (options.flags, options.yes, file, options.flush, options.within)
    return Order("apply", read, of, partial(show_with_file, file=file), *how)
