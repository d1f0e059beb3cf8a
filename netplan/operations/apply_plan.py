"""Apply a plan: the last checks before the first write, the writes, and what must hold after them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from netplan.desired.checks import Check, gateway_of
from netplan.kinds.resource import Change, Resource
from netplan.kinds.snapshot import Snapshot
from netplan.operations import checks
from netplan.operations.live_plan import LivePlan, brought_up, check_allowed
from netplan.operations.transaction import Journal, Transaction, run
from netplan.planning.differences import diff_node
from netplan.planning.fingerprint import unmet
from netplan.planning.obstacles import identity


def apply_plan(live: LivePlan, journal: Journal) -> Snapshot:
    """Apply a plan with a journal, and return the state that was observed after it; without changes nothing is written.

    RefusedError (3) if it must not be applied, StalePlanError (3) if the state that it depends on has changed meanwhile
    so that other changes are needed, OvertakenError (4) if that happened while it was written.
    """
    check_allowed(live.plan)
    if not live.plan.changes:
        return live.before
    if live.left_out:
        live = replace(live, plan=replace(live.plan, checks=_working(live)))
    live = brought_up(live, live.kernel.observe(live.interest))
    transaction = Transaction(
        live.plan.changes, live.before, live.interest, partial(_remaining, live), partial(_check, live)
    )
    return run(transaction, live.kernel, journal)


def _working(live: LivePlan) -> Sequence[Check]:
    """Return the checks that succeed now: those of blocked objects may fail, whatever is done of the rest."""
    return checks.working(live.plan.checks, gateway_of(live.before))


def _check(live: LivePlan, after: Snapshot) -> Sequence[str]:
    """Run the checks of the spec; return what failed."""
    return checks.run(live.plan.checks, gateway_of(after))


def _remaining(live: LivePlan, now: Snapshot) -> Sequence[Change[Resource]]:
    """Return the changes that remain in a state, but for those that wait for a device or an obstacle."""
    if live.desired is not None:
        later = {identity(sysctl) for sysctl in live.plan.waiting}
        later |= {identity(change.resource) for change in live.left_out}
        return tuple(change for change in diff_node(live.desired, now) if identity(change.resource) not in later)
    return tuple(unmet(live.plan.changes, live.before, now))
