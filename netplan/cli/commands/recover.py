"""podnet recover: go on from what was interrupted; a unit runs it at boot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from netplan.cli.ask import clearing_away, intact
from netplan.cli.context import Yes
from netplan.cli.options import LockTimeout, VarDir, verb_app
from netplan.cli.output import Format, ask, show, show_json
from netplan.cli.views.history import NOTHING, leftover_json, leftover_text, recoveries_json, recovery_text
from netplan.errors import ExitCode, RefusedError, UsageError
from netplan.kernel.linux import require_privilege
from netplan.operations.empty_tables import noting
from netplan.operations.recover import Recovery, bring_back, settle
from netplan.operations.unfinished import Leftover, give_up, leftover
from netplan.store.generations import Damaged, Generation
from netplan.store.store import Store
from netplan.store.vardir import var_dir

app = verb_app()


@app.command()
def recover(
    *,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Give up what can't be undone: the node stays as it is now.")
    ] = False,
    yes: Yes = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    format: Annotated[Format, typer.Option(help="How to print what was done.")] = Format.TEXT,
) -> None:
    """Undo or finish what was interrupted; after a reboot, bring back the state of before it."""
    if yes and not abandon:
        raise UsageError("--yes goes with --abandon: without it, recover asks nothing")
    require_privilege()
    store = Store(var_dir(folder))
    done = []
    with store.locked("recover", lock_timeout), clearing_away(store):
        left = leftover(store, noting(store)) if abandon else None
        if left is not None:
            _abandon(store, left, format, yes=yes)
            return
        for recovery in _recoveries(store):
            done.append(recovery)
            if format is Format.TEXT:
                show(recovery_text(recovery))
    if format is Format.JSON:
        show_json(recoveries_json(done))
    elif not done:
        show(NOTHING)
    raise typer.Exit(ExitCode.DONE if all(recovery.whole for recovery in done) else ExitCode.DIFFERENCES)


def _abandon(store: Store, left: Leftover, format: Format, *, yes: bool) -> None:
    """Give a journal up, after a yes; RefusedError (3) without one."""
    if format is Format.TEXT:
        show(leftover_text(left))
    if not yes and not sys.stdin.isatty():
        raise RefusedError("there is no terminal to ask on, and nothing was changed: say --yes to give it up unasked")
    if not yes and not ask("Leave the node as it is?"):
        raise RefusedError("nothing was changed")
    kept = give_up(store, left)
    if format is Format.JSON:
        show_json(leftover_json(left, kept))
    else:
        show(f"Given up; the journal is kept in {kept}. `podnet apply SPEC` makes the node what a spec says.")


def _recoveries(store: Store) -> Iterator[Recovery]:
    settled = settle(store, noting(store))
    if settled is not None:
        yield settled
    back = bring_back(store, _newest(store), noting(store))
    if back is not None:
        yield back


def _newest(store: Store) -> Generation | None:
    """Return the newest generation that can be read, and warn of those after it that are damaged.

    RefusedError (3) if it is another version's: an older state must not come back in its place.
    """
    for each in store.generations.newest_first():
        if isinstance(each, Damaged) and each.format is not None:
            raise RefusedError(
                f"{each}. `podnet recover` of that version brings it back after a reboot; `podnet apply SPEC` of this "
                "one makes the node what a spec says"
            )
        found = intact([each])
        if found:
            return found[0]
    return None
