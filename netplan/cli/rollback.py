"""podnet rollback: back to an earlier generation, as one more plan."""

from __future__ import annotations

from typing import Annotated

import typer

from netplan.cli.live import kernel_of
from netplan.cli.options import LockTimeout, VarDir
from netplan.cli.output import show, show_plan
from netplan.cli.persist import rolled_back
from netplan.cli.progress import bar
from netplan.cli.safety import allowing, check_safe
from netplan.cli.spec import Yes
from netplan.cli.verb import verb_app
from netplan.cli.write import carry_out, confirm, intact, turn
from netplan.plan import Plan
from netplan.rollback import way_back
from netplan.safety import Flag
from netplan.state.origin import Origin
from netplan.work import Work

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
        with bar.during("reading the kernel"):
            work = Work.back(way, kernel_of(way.target.backend, folder))
        plan = Plan(origin.cluster, origin.spec_path, origin.spec_sha256, (work.plan,))
        file = rolled_back(way, here.store)
        show_plan(plan)
        if file is not None:
            show(str(file))
        check_safe(work, flags)
        confirm(work.plan, file, yes=yes)
        carry_out(work, here, Origin.here(way.verb, plan, work.plan), file)
