"""podnet remove: delete everything of ours from this node."""

from __future__ import annotations

from typing import Final

from netplan.cli.ask import dialogue
from netplan.cli.context import (
    DEFAULT_STATE,
    AllowUntrusted,
    NodeName,
    NoNodeError,
    SpecPath,
    StateDir,
    Yes,
    machine_at,
    open_here,
    trusting,
)
from netplan.cli.options import AllowDefaultRoute, AllowSession, LockTimeout, VarDir, verb_app
from netplan.errors import UsageError
from netplan.net import printable
from netplan.operations.remove import remove as take_off
from netplan.operations.request import Options
from netplan.operations.safety import allowed

_LEFT: Final = "a node that has left its spec is cleaned up with a version that still has it: git log -p {} shows it"

app = verb_app()


@app.command()
def remove(
    spec: SpecPath,
    *,
    node: NodeName = None,
    state: StateDir = DEFAULT_STATE,
    yes: Yes = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    allow_untrusted_file: AllowUntrusted = False,
    session: AllowSession = False,
    default_route: AllowDefaultRoute = False,
) -> None:
    """Delete everything of podnet's from this node, and nothing else."""
    flags = allowed(session=session, default_route=default_route, many_deletes=True)  # all of them go
    try:
        with trusting(allow=allow_untrusted_file) as judge:
            loaded, here = open_here(spec, node, state, judge)
    except NoNodeError as error:
        raise UsageError(f"{error}; {_LEFT.format(printable(str(spec)))}") from error
    options = Options(flags, lock_timeout=lock_timeout)
    take_off(machine_at(folder), loaded, here, options, dialogue(yes=yes))
