"""Options that several verbs share. They import none of the code that applies: a plain drift must not load it."""

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
AllowSession = Annotated[
    bool, typer.Option("--allow-session", help="Touch what the SSH session that this runs in needs.")
]
AllowDefaultRoute = Annotated[bool, typer.Option("--allow-default-route", help="Change the default route.")]
AllowManyDeletes = Annotated[
    bool, typer.Option("--allow-many-deletes", help="Delete more than a third of podnet's routes.")
]
AllowOffLink = Annotated[bool, typer.Option("--allow-off-link", help="Make routes to next hops that are not on-link.")]
AllowBrokenTraffic = Annotated[
    bool, typer.Option("--allow-broken-traffic", help="Break traffic that works now and that the spec wants.")
]


def check_var_dir(folder: Path | None, *, live: bool) -> None:
    """Raise UsageError (2) for `VarDir` beside a record."""
    if folder and not live:
        raise UsageError("--var-dir goes with --live: only the node itself remembers")


def verb_app(*, no_args_is_help: bool = False) -> typer.Typer:
    """Return the typer application of one verb."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=no_args_is_help)
