"""podnet recover: undo or finish what was interrupted; a systemd unit runs it at boot."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from netplan.cli.ask import ask_on_terminal
from netplan.cli.context import Yes, machine_at
from netplan.cli.options import LockTimeout, VarDir, verb_app
from netplan.cli.output import Format, show, show_json
from netplan.cli.views.history import NOTHING, leftover_json, leftover_text, recoveries_json, recovery_text
from netplan.errors import ExitCode, UsageError
from netplan.operations.recover import Abandoned
from netplan.operations.recover import abandon as abandon_node
from netplan.operations.recover import recover as recover_node
from netplan.operations.settle import Recovery
from netplan.operations.unfinished import Leftover

app = verb_app()


@app.command()
def recover(
    *,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Abandon what can't be undone: the node stays as it is now.")
    ] = False,
    yes: Yes = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    format: Annotated[Format, typer.Option(help="How to print what was done.")] = Format.TEXT,
) -> None:
    """Undo or finish what was interrupted; after a reboot, restore the state from before it."""
    if yes and not abandon:
        raise UsageError("--yes goes with --abandon: without it, recover asks nothing")
    machine = machine_at(folder)
    tell = _shown if format is Format.TEXT else _unshown
    if abandon:
        done = abandon_node(machine, partial(_agreed, format, yes=yes), lock_timeout, tell)
        if isinstance(done, Abandoned):
            _show_abandoned(done, format)
            return
    else:
        done = recover_node(machine, lock_timeout, tell)
    if format is Format.JSON:
        show_json(recoveries_json(done))
    elif not done:
        show(NOTHING)
    raise typer.Exit(ExitCode.DONE if all(recovery.whole for recovery in done) else ExitCode.DIFFERENCES)


def _shown(recovery: Recovery) -> None:
    show(recovery_text(recovery))


def _unshown(_recovery: Recovery) -> None:
    """Leave it to be printed with the others."""


def _agreed(format: Format, left: Leftover, *, yes: bool) -> bool:
    """Show what is left undone, and ask whether to abandon it."""
    if format is Format.TEXT:
        show(leftover_text(left))
    return yes or ask_on_terminal("Leave the node as it is?", "use --yes to abandon it without asking")


def _show_abandoned(abandoned: Abandoned, format: Format) -> None:
    left, kept = abandoned
    if format is Format.JSON:
        show_json(leftover_json(left, kept))
    else:
        show(f"Abandoned; the journal is kept in {kept}. `podnet apply SPEC` brings the node to the state of a spec.")
