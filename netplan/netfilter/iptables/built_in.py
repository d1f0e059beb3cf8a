"""The chains that the kernel's tables have by themselves."""

from __future__ import annotations

from typing import Final

BUILT_IN_BY_TABLE: Final = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
"""The chains that packets pass, by table; at one hook in this order of the tables."""

BUILT_IN: Final = frozenset(chain for chains in BUILT_IN_BY_TABLE.values() for chain in chains)
