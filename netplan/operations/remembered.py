"""What podnet remembers of this node, for the verbs that plan for it or record it."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from netplan.desired.model import Desired
from netplan.errors import StoreError
from netplan.kinds.route.value import Route, RouteKey
from netplan.kinds.sysctl.originals import Overwritten
from netplan.operations.report import Report
from netplan.planning.plan import NodePlan
from netplan.store.sysctl_originals import OverwrittenFile


def recalled(desired: Desired, folder: Path, report: Report) -> Desired:
    """Return a node's desired state with what podnet remembers of its sysctls in a folder."""
    return replace(desired, overwritten=overwritten_sysctls(folder, report))


def with_applied(desired: Desired, folder: Path, report: Report) -> Desired:
    """Return a node's desired state with the routes that podnet had on it last, as far as that can be read."""
    return replace(desired, applied=_applied(folder, desired.node, report))


def checked_against(plan: NodePlan, folder: Path, report: Report) -> NodePlan:
    """Return a saved plan, refused where it restores routes that podnet's newest generation did not have."""
    replaced = [change for change in plan.changes if isinstance(change.before, Route) and not change.before.ours]
    if not plan.puts_back or plan.adopts:
        return plan
    applied = _applied(folder, plan.node, report)
    unknown = (change.resource for change in replaced if change.resource.key not in applied)
    refusals = (
        f"route {route}: podnet had none there in its newest generation on this node: plan again" for route in unknown
    )
    return replace(plan, refusals=(*plan.refusals, *refusals))


def _applied(folder: Path, node: str, report: Report) -> frozenset[RouteKey]:
    from netplan.store.generations import Damaged, Generations  # noqa: PLC0415 - few plans need it, and a drift is short

    try:
        newest = next(Generations(folder).newest_first(), None)
    except StoreError as error:
        report.note(f"warning: {error}")
        return frozenset()
    if newest is None or isinstance(newest, Damaged) or newest.origin.node != node:
        return frozenset()
    return frozenset(route.key for route in newest.routes)


def overwritten_sysctls(folder: Path, report: Report) -> tuple[Overwritten, ...]:
    """Return what podnet remembers of a node's sysctls; a note warns if that can't be read."""
    try:
        return OverwrittenFile(folder).read()
    except StoreError as error:
        report.note(f"warning: {error}")
        return ()
