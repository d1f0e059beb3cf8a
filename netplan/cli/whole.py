"""What this machine has: its plan, and its whole state, as records hold it and as a trace needs it."""

from __future__ import annotations

from netplan.compile import Desired, everything
from netplan.kernel import Kernel
from netplan.kinds.address.value import LinkAddress
from netplan.plan import NodePlan, Source, plan_node, with_effects
from netplan.snapshot import Interest, Snapshot

_NO_RULES = Interest(frozenset(), frozenset(), frozenset())


def whole_state(kernel: Kernel, interest: Interest = _NO_RULES) -> Snapshot:
    """Observe everything, with the settings of the devices that have an address, and what else is of interest."""
    devices = {held.link for held in kernel.observe(_NO_RULES).all(LinkAddress)}
    return kernel.observe(everything(sorted(devices)) | interest)


def plan_live(desired: Desired, kernel: Kernel) -> tuple[NodePlan, Snapshot]:
    """Plan for a kernel as it is now, and give the state planned from.

    A node in sync is read in few steps, as cron does it every minute; only what changes is worth a look at everything.
    """
    state = kernel.observe(desired.interest)
    plan = plan_node(desired, state, Source.LIVE)
    if not plan.changes:
        return plan, state
    whole = whole_state(kernel, desired.interest)
    return with_effects(plan_node(desired, whole, Source.LIVE), desired, whole), whole
