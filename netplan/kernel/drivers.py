"""The drivers of kinds, each loaded by its name in the table of kinds."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from netplan.kinds.link.access import Driver
from netplan.kinds.registry import Kind


def driver_of(kind: Kind) -> Driver:
    """Return the driver of a kind that rtnetlink(7) knows."""
    return cast("Driver", import_module(kind.driver))
