"""podnet rollback: back to an earlier generation, as one more plan."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from netplan.cli.ask import Order, carry_out, intact, turn
from netplan.cli.context import Yes
from netplan.cli.live import kernel_of
from netplan.cli.options import LockTimeout, VarDir
from netplan.cli.persist import rolled_back, show_with_file
from netplan.cli.progress import bar
from netplan.cli.safety import allowing
from netplan.cli.verb import verb_app
from netplan.operations.live_plan import LivePlan
from netplan.operations.rollback import WayBack, way_back
from netplan.planning.plan import NodePlan, Plan
from netplan.planning.safety import Flag

app = verb_app()


@app.command()
@allowing()
def rollback(
    generation: Annotated[
        int | None,
        typer.Argument(metavar="[GENERATION]", min=0, help="Its number; default: the state before the newest."),
    ] = None,
    *,
    yes: Yes = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    flags: frozenset[Flag],
) -> None:
    """Bring back the state that an earlier generation left, or the one before the newest."""
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
