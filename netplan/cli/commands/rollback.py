"""podnet rollback: back to an earlier generation, as one more plan."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.ask import Order, carry_out, intact, turn
from netplan.cli.context import Yes, kernel_of
from netplan.cli.options import (
    AllowDefaultRoute,
    AllowManyDeletes,
    AllowOffLink,
    AllowSession,
    LockTimeout,
    VarDir,
    verb_app,
)
from netplan.cli.output import show_with_file
from netplan.cli.progress import bar
from netplan.operations.live_plan import LivePlan
from netplan.operations.rollback import WayBack, way_back
from netplan.operations.safety import allowed
from netplan.operations.saved_rules import rolled_back
from netplan.planning.plan import NodePlan, Plan

app = verb_app()


@app.command()
def rollback(
    generation: Annotated[
        int | None,
        typer.Argument(metavar="[GENERATION]", min=0, help="Its number; default: the state before the newest."),
    ] = None,
    *,
    yes: Yes = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    allow_session: AllowSession = False,
    allow_default_route: AllowDefaultRoute = False,
    allow_many_deletes: AllowManyDeletes = False,
    allow_off_link: AllowOffLink = False,
) -> None:
    """Bring back the state that an earlier generation left, or the one before the newest."""
    flags = allowed(
        session=allow_session,
        default_route=allow_default_route,
        many_deletes=allow_many_deletes,
        off_link=allow_off_link,
    )
    with turn("rollback", folder, lock_timeout) as here:
        kept = here.store.generations.all()
        intact(kept)
        way = way_back(kept, generation)
        origin = way.origin

        def of(plan: NodePlan) -> Plan:
            return Plan(origin.cluster, origin.spec_path, origin.spec_sha256, (plan,))

        file = rolled_back(way, here.store)
        present = partial(show_with_file, file=file)
        carry_out(Order(way.verb, partial(_planned, way, folder), of, present, flags, yes, file), here)


def _planned(way: WayBack, folder: Path | None) -> LivePlan:
    with bar.during("reading the kernel"):
        return LivePlan.for_rollback(way, kernel_of(way.target.backend, folder))
