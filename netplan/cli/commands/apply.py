"""podnet apply: bring this node to the state of the spec, or apply a saved plan."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.ask import dialogue
from netplan.cli.context import (
    DEFAULT_STATE,
    AllowUntrusted,
    NodeName,
    StateDir,
    Yes,
    machine_at,
    open_here,
    this_node,
    trusting,
)
from netplan.cli.options import (
    AllowBrokenTraffic,
    AllowDefaultRoute,
    AllowManyDeletes,
    AllowOffLink,
    AllowSession,
    FlushConntrack,
    LockTimeout,
    VarDir,
    verb_app,
)
from netplan.operations.apply import apply_saved, apply_spec
from netplan.operations.request import Options
from netplan.operations.safety import allowed
from netplan.planning.plan import Plan
from netplan.planning.plan_json import is_plan, read_plan
from netplan.system.files import MAX_BYTES, Judge, opened

app = verb_app()

SHORTEST, LONGEST = 1, 24 * 60 * 60


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
            help="Restore the previous state unless `podnet confirm` comes within so many seconds.",
        ),
    ] = None,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    allow_untrusted_file: AllowUntrusted = False,
    session: AllowSession = False,
    default: AllowDefaultRoute = False,
    deletes: AllowManyDeletes = False,
    off_link: AllowOffLink = False,
    broken: AllowBrokenTraffic = False,
) -> None:
    """Bring this node to the state of the spec, or apply a saved plan."""
    flags = allowed(session=session, default_route=default, many_deletes=deletes, off_link=off_link, broken=broken)
    options = Options(flags, flush_conntrack, confirm_within, lock_timeout)
    with trusting(allow=allow_untrusted_file) as judge:
        planned = _saved(source, node, judge) or open_here(source, node, state, judge)
    machine = machine_at(folder)
    if isinstance(planned, Plan):
        apply_saved(machine, planned, state, options, dialogue(yes=yes))
    else:
        apply_spec(machine, *planned, options, dialogue(yes=yes))


def _saved(path: Path, name: str | None, judge: Judge) -> Plan | None:
    """Read this node's part of a saved plan; None if the file is a spec, or can't be read."""
    with suppress(OSError, ValueError), opened(path, judge) as file:
        whole = file if file.seekable() else BytesIO(file.read(MAX_BYTES))
        if is_plan(whole, str(path)):
            return read_plan(whole, str(path), lambda nodes: [this_node(nodes, name)])
    return None
