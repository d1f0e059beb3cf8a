"""How a verb that writes speaks with the user: it shows the plan, asks for a yes, and counts down to the confirm."""

from __future__ import annotations

import sys
from collections.abc import Callable

from netplan.cli.countdown import count_down
from netplan.cli.output import ask, show_with_file
from netplan.errors import RefusedError
from netplan.operations.request import Dialogue, PlanShown
from netplan.planning.plan import NodePlan


def dialogue(*, yes: bool, show: Callable[[PlanShown], None] | None = None) -> Dialogue:
    """Return the dialogue on the terminal; with `yes` nothing is asked."""
    return Dialogue(show or _show, _agreed if yes else ask_to_apply, count_down)


def _show(shown: PlanShown) -> None:
    show_with_file(*shown)


def _agreed(_plan: NodePlan) -> bool:
    return True


def ask_to_apply(plan: NodePlan) -> bool:
    """Ask whether to apply a plan; RefusedError (3) where there is no terminal to ask on."""
    return ask_on_terminal(f"Apply this to {plan.node}?", "use --yes to apply without asking")


def ask_on_terminal(question: str, otherwise: str) -> bool:
    """Ask a question on the terminal; RefusedError (3) where there is none, which says what to do `otherwise`."""
    if not sys.stdin.isatty():
        raise RefusedError(f"there is no terminal to ask on, and nothing was changed: {otherwise}")
    return ask(question)
