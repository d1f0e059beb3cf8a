"""What a piece of advice is given, and the two kinds of advice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from netplan.desired.model import Desired
from netplan.kinds.resource import Change, Resource
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.obstacles import Obstacle


class Case(Struct, frozen=True):
    """What a node should have, the changes that bring it there, and the state that they start from.

    `live` says that the state is that of this machine's kernel; `waiting` are the sysctls of devices that are missing.
    """

    desired: Desired
    changes: Sequence[Change[Resource]]
    snapshot: Snapshot
    live: bool
    waiting: Sequence[Sysctl] = ()


Warn: TypeAlias = Callable[[Case], Iterator[str]]
"""Says what to know of a plan before it is applied."""

Refuse: TypeAlias = Callable[[Case], Iterator[str | Obstacle]]
"""Says why a plan can't be applied: as a text of the whole plan, as an obstacle of some objects alone."""
