"""Processes that podnet starts of itself: through its own entry, and never with code of the current folder.

`python -m` puts the current folder before the library: root in /tmp would run another user's hashlib.py. A helper is a
verb of podnet's that is not shown, `podnet internal NAME ARGUMENT...`, so that a build in one file has it too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

import netplan

VERB: Final = "internal"

MISSING: Final = 77
"""The exit code of a helper whose library is not installed."""

WITHOUT_PLUGINS: Final = ("PYDANTIC_DISABLE_PLUGINS", "__all__")
"""What keeps pydantic from looking for plugins among all installed packages, which takes as long as to read a spec."""

_MODULES: Final = {
    "assemble": "netplan.lab.assemble",
    "enter": "netplan.lab.enter",
    "guard": "netplan.cli.guard",
    "legacy-tables": "netplan.kinds.foreign_chain.iptc_dump",
}
_START: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import netplan; sys.path.append(sys.path.pop(0)); "
    "from netplan.cli.start import main; main()"
)
"""The package is looked for where it is now, and all that it imports where Python looks by itself."""


def environment_of_users() -> dict[str, str]:
    """Return the environment for programs of the user's: this process's, without what podnet set for itself."""
    return {name: value for name, value in os.environ.items() if name != WITHOUT_PLUGINS[0]}


def command(name: str, *arguments: str, python: Sequence[str] = ("-P",)) -> list[str]:
    """Return the command line of a helper.

    `python` are the interpreter's options, one of which keeps the current folder out of its path: -P or -I.
    """
    words = [VERB, name, *arguments]
    if getattr(sys, "frozen", False):  # the interpreter, podnet and its libraries are one program
        return [sys.executable, *words]
    return [sys.executable, *python, "-c", _START, str(Path(netplan.__file__).parents[1]), *words]


def search_path() -> str:
    """Return PATH with the folders that cron and ordinary users lack in it."""
    return os.pathsep.join(filter(None, [_absolute("PATH"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"]))


def import_path() -> str:
    """Return PYTHONPATH for a helper."""
    return _absolute("PYTHONPATH")


def _absolute(variable: str) -> str:
    """Return a list of folders without its empty and relative entries, which mean the current folder."""
    return os.pathsep.join(filter(os.path.isabs, os.environ.get(variable, "").split(os.pathsep)))


def run(words: Sequence[str]) -> NoReturn:
    """Be the helper that the words name, with the arguments behind its name."""
    name, *arguments = words
    sys.exit(import_module(_MODULES[name]).main(arguments))
