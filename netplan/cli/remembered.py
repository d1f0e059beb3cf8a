"""What podnet remembers of this node, for the verbs that plan for it or record it."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from netplan.cli.output import say
from netplan.desired.model import Desired
from netplan.errors import StoreError
from netplan.kernel.linux import require_privilege
from netplan.kinds.route.value import Route, RouteKey
from netplan.kinds.sysctl.originals import Overwritten
from netplan.net import printable
from netplan.planning.plan import NodePlan
from netplan.store.sysctl_originals import OverwrittenFile
from netplan.store.vardir import var_dir


def recalled(desired: Desired, folder: Path | None) -> Desired:
    """Give what a node should have with what podnet remembers of its sysctls, in a folder or the usual one."""
    return replace(desired, overwritten=overwritten(folder))


def with_applied(desired: Desired, folder: Path | None) -> Desired:
    """Return what a node should have, with the routes that podnet had on it last, as far as that can be read."""
    return replace(desired, applied=_applied(folder, desired.node))


def checked_against(plan: NodePlan, folder: Path | None) -> NodePlan:
    """Return a saved plan, refused where it puts back routes that podnet's newest generation did not have."""
    taken = [change for change in plan.changes if isinstance(change.before, Route) and not change.before.ours]
    if not plan.puts_back or plan.adopts:
        return plan
    applied = _applied(folder, plan.node)
    unknown = (change.resource for change in taken if change.resource.key not in applied)
    said = (
        f"route {each}: podnet had none there in its newest generation on this node: plan again" for each in unknown
    )
    return replace(plan, refusals=(*plan.refusals, *said))


def _applied(folder: Path | None, node: str) -> frozenset[RouteKey]:
    from netplan.store.generations import Damaged, Generations  # few plans need it

    try:
        newest = next(Generations(var_dir(folder)).newest_first(), None)
    except StoreError as error:
        say(f"warning: {printable(str(error))}")
        return frozenset()
    if newest is None or isinstance(newest, Damaged) or newest.origin.node != node:
        return frozenset()
    return frozenset(route.key for route in newest.routes)


def overwritten(folder: Path | None) -> tuple[Overwritten, ...]:
    """Give what podnet remembers of a node's sysctls; that it can't be read is a warning.

    RefusedError (3) if the process may not administer the network: that is why it can't, then.
    """
    require_privilege()
    try:
        return OverwrittenFile(var_dir(folder)).read()
    except StoreError as error:
        say(f"warning: {printable(str(error))}")
        return ()
