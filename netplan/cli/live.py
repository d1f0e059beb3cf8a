"""A plan for the kernel of this machine, with a bar while it is read."""

from __future__ import annotations

from pathlib import Path

from netplan.cli.progress import bar
from netplan.cli.remembered import recalled, with_applied
from netplan.desired.model import Desired
from netplan.kernel.linux import Linux, devices
from netplan.kinds.chain.reach import MANY_RULES
from netplan.kinds.chain.value import Backend
from netplan.operations.live_plan import LivePlan
from netplan.planning.route_conflicts import occupied
from netplan.planning.underlay import resolved
from netplan.spec.topology import AUTO, Node
from netplan.store.tables import TablesFile
from netplan.store.vardir import var_dir
from netplan.system import programs


def kernel_of(backend: Backend | None, folder: Path | None = None) -> Linux:
    """Return this machine's kernel, of whose work the bar tells; tables that it makes are noted in podnet's folder."""
    return Linux(backend, told=bar.tell, making=TablesFile(var_dir(folder)).note)


def resolved_here(node: Node) -> Node:
    """Return the node with what its spec leaves to this machine's devices, its interface or its MTU."""
    return resolved(node, *devices()) if node.interface == AUTO or node.mtu_assumed else node


def live_work(desired: Desired, folder: Path | None, *, limit: int = MANY_RULES) -> LivePlan:
    """Plan for the kernel as it is now, with what podnet remembers of it in a folder; see `LivePlan.from_kernel`.

    Where some of it was read before the rest, a difference may be none: everything is read again then. So it is where
    routes of others stand in the place of ours: whether they replaced ours, the newest generation tells.
    """
    with bar.during("reading the kernel"):
        recalling, kernel = recalled(desired, folder), kernel_of(desired.backend, folder)
        work = LivePlan.from_kernel(recalling, kernel, limit=limit)
        taken = bool(work.plan.refusals) and occupied(recalling, work.plan.changes, work.before)
        if taken:
            recalling = with_applied(recalling, folder)
        if taken or (programs.used_begun() and not work.plan.in_sync):
            work = LivePlan.from_kernel(recalling, kernel, limit=limit)
        return work
