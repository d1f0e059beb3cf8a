"""The lab: a spec's cluster in network namespaces on this machine, for people to try and for tests to stand on.

`layout` and `build` are pure: a topology becomes hosts, addresses and cables, and those become steps. `holder` starts
and ends the process that everything in a lab lives in, `enter` is how a command gets into it, `assemble` carries the
steps out there with pyroute2, and `lab` puts them together. Nothing outside a lab is touched, and root is not needed
where user namespaces are allowed. It may import spec, system, and the modules beside it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netplan.lab.lab import Lab
    from netplan.lab.layout import Host, HostKind
    from netplan.lab.status import HostStatus, LinkStatus

__all__ = ["Host", "HostKind", "HostStatus", "Lab", "LinkStatus"]

_HOMES = {"Lab": "lab", "Host": "layout", "HostKind": "layout", "HostStatus": "status", "LinkStatus": "status"}


def __getattr__(name: str) -> object:
    """Return what the lab offers, loaded when it is asked for: `enter`, for which each command waits, needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
