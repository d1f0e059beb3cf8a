"""Carry out what was planned: the last looks before the first write, the writes, and what must hold behind them."""

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


def apply_plan(work: LivePlan, journal: Journal) -> Snapshot:
    """Apply a plan, journal in hand, and give the state that it was seen to lead to; nothing without changes.

    RefusedError (3) if it must not be applied, StalePlanError (3) if the state that it depends on has changed meanwhile
    so that other changes are needed, OvertakenError (4) if that happened while it was written.
    """
    check_allowed(work.plan)
    if not work.plan.changes:
        return work.before
    if work.left_out:
        work = replace(work, plan=replace(work.plan, checks=_working(work)))
    work = brought_up(work, work.kernel.observe(work.interest))
    job = Transaction(work.plan.changes, work.before, work.interest, partial(_left, work), partial(_check, work))
    return run(job, work.kernel, journal)


def _working(work: LivePlan) -> Sequence[Check]:
    """Return the checks that succeed now: of what is blocked some can't, whatever is done of the rest."""
    return checks.working(work.plan.checks, gateway_of(work.before))


def _check(work: LivePlan, after: Snapshot) -> Sequence[str]:
    """Run the checks of the spec; return what failed."""
    return checks.run(work.plan.checks, gateway_of(after))


def _left(work: LivePlan, now: Snapshot) -> Sequence[Change[Resource]]:
    """Give what is still to be done in a state: not what waits for a device that came meanwhile, or for an obstacle."""
    if work.desired is not None:
        later = {identity(sysctl) for sysctl in work.plan.waiting}
        later |= {identity(change.resource) for change in work.left_out}
        return tuple(change for change in diff_node(work.desired, now) if identity(change.resource) not in later)
    return tuple(unmet(work.plan.changes, work.before, now))
