"""The command `podnet`: finds the verb, and turns every outcome into an exit code."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from netplan import __version__
from netplan.errors import ExitCode, PodnetError, SpecError, message_of
from netplan.net import printable

VERBS: Final = {
    "validate": "Check specs and report every mistake with its place.",
    "lease": "Give each node without a subnet the lowest that is free.",
    "compile": "Show the desired state of one node, or of each.",
    "plan": "Show what would change on the nodes, and why.",
    "apply": "Bring this node to the state of the spec, or apply a saved plan.",
    "confirm": "Keep the state that apply --confirm-within left.",
    "drift": "Compare this node with the spec; exit 1 on any difference.",
    "recover": "Undo or finish what was interrupted; run it at boot.",
    "history": "Show the states that were applied on this node.",
    "rollback": "Restore the state of an earlier generation.",
    "capture": "Record this machine's state for plans made elsewhere.",
    "trace": "Show what becomes of one packet on a node, step by step.",
    "remove": "Delete everything of podnet's from this node, and nothing else.",
    "lab": "Build the spec's cluster in network namespaces on this machine.",
    "schema": "Print the JSON Schema of the spec.",
}


_INTERRUPTED: Final = 130
"""The exit code of typer after Ctrl-C, as of a shell."""


class LazyGroup(TyperGroup):
    """The verbs, each imported when it is used: `--help` imports none of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs in the order of a day's work."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a verb's module."""
        if cmd_name not in VERBS:
            return None
        return typer.main.get_command(import_module(f"netplan.cli.commands.{cmd_name}").app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"podnet {__version__}")
        raise typer.Exit


@app.callback()
def podnet(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Plan, apply and watch the pod network of a cluster: routes and NAT rules from one YAML spec."""


def main() -> int:
    """Run the command line and return its exit code; no exception reaches the terminal as a traceback."""
    try:
        app()
    except SystemExit as end:
        code, message = _ended(end)
    except SpecError as error:
        code, message = error.exit_code, str(error)
    except PodnetError as error:
        code, message = error.exit_code, _escaped(f"podnet: {error}")
    except Exception as error:
        code, message = _unexpected(error)
    else:
        code, message = ExitCode.DONE, ""
    if message:
        from netplan.cli.output import say

        say(message)
    return code


def _ended(end: SystemExit) -> tuple[int, str]:
    """Return the exit code that typer ends with, and the message that it leaves to podnet."""
    if end.code is None or isinstance(end.code, int):
        return end.code or ExitCode.DONE, "podnet: interrupted" if end.code == _INTERRUPTED else ""
    return _unexpected(end)


def _unexpected(error: BaseException) -> tuple[ExitCode, str]:
    """Return the exit code and the message of an unexpected exception."""
    return ExitCode.REFUSED, _escaped(f"podnet: {message_of(error)}")


def _escaped(message: str) -> str:
    """Escape what a terminal would act on, in each line: names of devices and chains may hold anything."""
    return "\n".join(map(printable, message.split("\n")))
