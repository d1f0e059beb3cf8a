"""Options that verbs share whose work is loaded only when it is done: a drift that only looks applies nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netplan.errors import UsageError
from netplan.store.vardir import DEFAULT, ENVIRONMENT

VarDir = Annotated[
    Path | None,
    typer.Option("--var-dir", metavar="DIR", help=f"Where podnet remembers; default: {ENVIRONMENT}, or {DEFAULT}."),
]
LockTimeout = Annotated[
    float,
    typer.Option(
        "--lock-timeout",
        metavar="SECONDS",
        min=0,
        help="How long to wait for another podnet, and to plan again beside other programs (at least 3 s).",
    ),
]
FlushConntrack = Annotated[
    bool,
    typer.Option("--flush-conntrack", help="End the connections of pods that keep another source from before."),
]


def check_var_dir(folder: Path | None, *, live: bool) -> None:
    """Raise UsageError (2) for `VarDir` beside a record."""
    if folder and not live:
        raise UsageError("--var-dir goes with --live: only the node itself remembers")
