"""Devices that are missing, down, or another program's in the place of ours."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.planning import adoption, underlay
from netplan.planning.advice.case import Case
from netplan.planning.obstacles import Obstacle


def refuse_elsewhere(case: Case) -> Iterator[str | Obstacle]:
    """Say that this machine is not the node that it was taken for."""
    if not case.live:
        return iter(())
    desired = case.desired
    addresses = (address.address for address in desired.reported_traffic[0].node.addresses)
    return underlay.elsewhere(desired.node, desired.address, case.changes, case.snapshot, addresses)


def refuse_foreign_links(case: Case) -> Iterator[Obstacle]:
    """Name the foreign links that stand in the way of ours."""
    return adoption.obstacles(case.desired, case.snapshot)


def refuse_underlay(case: Case) -> Iterator[Obstacle]:
    """Name what the kernel would refuse for the devices that are there."""
    return underlay.obstacles(case.desired, case.changes, case.snapshot)


def warn_of_underlay(case: Case) -> Iterator[str]:
    """Name the device that holds an address of the node, where its routes leave by another one."""
    return underlay.warnings(case.desired, case.changes, case.snapshot)
