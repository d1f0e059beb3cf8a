"""Run podnet on a host of a lab: in a fork that has loaded it, which takes milliseconds, or as a process of its own."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct

import netplan.cli.views.text
import netplan.kernel.linux  # noqa: F401 - loaded before the fork, as the verbs are
from netplan.cli import main as command
from netplan.lab import Lab
from tests.lab import resident

for _verb in command.VERBS:
    import_module(f"netplan.cli.commands.{_verb}")


class Outcome(Struct, frozen=True):
    """What a command left: its exit code and what it wrote."""

    code: int
    stdout: str
    stderr: str

    @property
    def changes(self) -> list[str]:
        """The changes of the plan that it printed as JSON, each in a few words."""
        nodes = json.loads(self.stdout)["nodes"]
        return [f"{change['action']} {change['kind']} {change['key']}" for node in nodes for change in node["changes"]]

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """The fields that the plan it printed as JSON updates, with their values before and after."""
        nodes = json.loads(self.stdout)["nodes"]
        fields = [field for node in nodes for change in node["changes"] for field in change["fields"]]
        return {field["field"]: (field["before"], field["after"]) for field in fields}


def podnet(lab: Lab, host: str, *words: str | Path) -> Outcome:
    """Run podnet on a host, without a terminal."""
    return resident.call(lab, host, run, [str(word) for word in words])


def process(lab: Lab, host: str, *words: str | Path, before: Sequence[str] = (), text: str = "") -> Outcome:
    """Run podnet on a host as a process of its own; `before` is a command that starts it, such as env(1)."""
    done = resident.program(lab, host, [*before, *argv(*words)], text)
    return Outcome(done.returncode, done.stdout, done.stderr)


def argv(*words: str | Path) -> list[str]:
    """Return the command line of podnet."""
    return [sys.executable, "-m", "netplan", *map(str, words)]


def run(words: list[str]) -> Outcome:
    """Run podnet in this process, which is of no other use afterwards."""
    sys.argv = ["podnet", *words]
    sys.stdin = io.StringIO()
    stdout, stderr = io.BytesIO(), io.BytesIO()
    sys.stdout = io.TextIOWrapper(stdout, encoding="utf-8")
    sys.stderr = io.TextIOWrapper(stderr, encoding="utf-8", errors="backslashreplace", write_through=True)
    code = command.main()
    sys.stdout.flush()
    return Outcome(code, stdout.getvalue().decode(), stderr.getvalue().decode())
