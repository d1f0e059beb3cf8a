"""The tables of the legacy backend: which of them exist, and how one is saved; to list another would create it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from netplan.system import programs

_NAMES: Final = {version: Path(f"/proc/self/net/{name}_tables_names") for version, name in ((4, "ip"), (6, "ip6"))}
_PROGRAMS: Final = {4: "iptables-legacy-save", 6: "ip6tables-legacy-save"}


def names(version: int) -> list[str]:
    """Return the tables of an IP version that exist; OSError if the kernel won't tell."""
    try:
        return _NAMES[version].read_text().split()
    except FileNotFoundError:
        return []


def is_absent(table: str, version: int = 4) -> bool:
    """Whether there is no such table; one of which the kernel won't tell may be there."""
    try:
        return table not in names(version)
    except OSError:
        return False


def saving(version: int) -> list[str] | None:
    """Return the command that saves the table of an IP version that is named behind it; None if it is not installed."""
    program = programs.find(_PROGRAMS[version])
    return None if program is None else [program, "-t"]
