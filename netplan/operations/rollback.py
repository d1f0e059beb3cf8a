"""podnet rollback: back to an earlier generation, as one more plan."""

from __future__ import annotations

from functools import partial

from netplan.operations.live_plan import LivePlan
from netplan.operations.lock_hold import hold_lock
from netplan.operations.machine import Machine
from netplan.operations.request import Dialogue, Options, Outcome, Request, fulfil
from netplan.operations.rollback_target import RollbackTarget, intact, rollback_target
from netplan.operations.saved_rules import rolled_back
from netplan.planning.plan import NodePlan, Plan


def roll_back(machine: Machine, generation: int | None, options: Options, dialogue: Dialogue) -> Outcome:
    """Restore the state that a generation left, by default that before the newest; errors as from `fulfil`.

    UsageError (2) if there is no such generation, or it can't be read.
    """
    with hold_lock(machine, "rollback", options.lock_timeout) as hold:
        kept = machine.store.generations.all()
        intact(kept, machine.report)
        target = rollback_target(kept, generation)
        origin = target.origin

        def of(plan: NodePlan) -> Plan:
            return Plan(origin.cluster, origin.spec_path, origin.spec_sha256, (plan,))

        file = rolled_back(target, machine.store)
        return fulfil(Request(target.verb, partial(_planned, machine, target), of, options, dialogue, file), hold)


def _planned(machine: Machine, target: RollbackTarget) -> LivePlan:
    with machine.report.during("reading the kernel"):
        return LivePlan.for_rollback(target, machine.open_kernel(target.state.backend))
