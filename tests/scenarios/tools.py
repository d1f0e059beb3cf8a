"""Folders of programs for a PATH: the node's own iptables, under other names or with a listener."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from netplan.system.programs import SEARCH_PATH


def real(program: str) -> str:
    """Return the path of a program of this machine."""
    path = shutil.which(program, path=SEARCH_PATH)
    assert path, f"install {program}"
    return path


def links(folder: Path, programs: Mapping[str, str]) -> Path:
    """Make a folder in which programs stand under other names: `{"iptables": "iptables-legacy"}`."""
    for name, program in programs.items():
        (folder / name).symlink_to(real(program))
    return folder


def wrap(folder: Path, program: str, *, before: Sequence[str] = (), after: Sequence[str] = ()) -> Path:
    """Make a folder in which a program runs commands before and after what it is asked for; its answer is its own."""
    script = folder / program
    lines = ["#!/bin/sh", *before, f'{real(program)} "$@"', "code=$?", *after, "exit $code", ""]
    script.write_text("\n".join(lines))
    script.chmod(0o755)
    return folder


def first_in_path(folder: Path) -> list[str]:
    """Return the command that starts another with a folder first in its PATH."""
    return ["sh", "-c", 'PATH="$0:$PATH" exec "$@"', str(folder)]


def as_default(folder: Path, backend: str) -> list[str]:
    """Return the command that starts another where `iptables` is that of a backend."""
    names = ("iptables", "iptables-save", "iptables-restore")
    links(folder, {name: name.replace("iptables", f"iptables-{backend}") for name in names})
    return first_in_path(folder)
