"""What a plan warns of, and why it is refused: one module a subject, one function a piece of advice, all listed here.

Each takes a `Case` and yields nothing where it has nothing to say. The order is that in which they are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from netplan.planning.advice.case import Case, Refuse, Warn
from netplan.planning.advice.devices import (
    refuse_elsewhere,
    refuse_foreign_links,
    refuse_underlay,
    warn_of_underlay,
)
from netplan.planning.advice.families import refuse_without_ipv6
from netplan.planning.advice.foreign_rules import refuse_foreign_rules, warn_of_foreign_rules
from netplan.planning.advice.iptables import warn_of_backend, warn_of_unsaved_rules
from netplan.planning.advice.mtu import warn_of_mtu
from netplan.planning.advice.routes import (
    refuse_conflicts,
    warn_of_announced_routes,
    warn_of_routes_behind,
    warn_of_routes_to_parts,
)
from netplan.planning.advice.sysctls import refuse_unknown, warn_of_leaving, warn_of_waiting
from netplan.planning.advice.tunnel import warn_of_tunnel
from netplan.planning.obstacles import Obstacle

REFUSALS: Final[tuple[Refuse, ...]] = (
    refuse_elsewhere,
    refuse_without_ipv6,
    refuse_unknown,
    refuse_conflicts,
    refuse_foreign_links,
    refuse_foreign_rules,
    refuse_underlay,
)

WARNINGS: Final[tuple[Warn, ...]] = (
    warn_of_backend,
    warn_of_unsaved_rules,
    warn_of_routes_to_parts,
    warn_of_announced_routes,
    warn_of_tunnel,
    warn_of_mtu,
    warn_of_underlay,
    warn_of_leaving,
    warn_of_waiting,
    warn_of_routes_behind,
    warn_of_foreign_rules,
)


def refusals(case: Case) -> Iterator[str | Obstacle]:
    """Return why a plan can't be applied as it is."""
    return chain.from_iterable(refuse(case) for refuse in REFUSALS)


def warnings(case: Case) -> Iterator[str]:
    """Return what to know of a plan before it is applied."""
    return chain.from_iterable(warn(case) for warn in WARNINGS)
