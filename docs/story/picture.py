"""Draws docs/plan.svg: the plan that the committed spec and records give, as a terminal shows it."""

from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from netplan.cli.output import terminal
from netplan.cli.views.text import plan_text
from netplan.operations.plans import plan_recorded
from netplan.spec.load import read


def main() -> None:
    """Write the picture."""
    spec = read(Path("specs/hdss7.yaml"))
    plan = plan_recorded(spec, Path("state"), [spec.topology.by_name["hdss7-21"]], terminal)
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=102, file=nowhere, force_terminal=True, highlight=False)
        console.print("$ podnet plan specs/hdss7.yaml --node hdss7-21\n", style="dim")
        console.print(plan_text(plan, width=100))
        console.save_svg("docs/plan.svg", title="podnet plan", theme=MONOKAI)


main()
