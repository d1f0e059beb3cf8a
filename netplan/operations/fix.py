"""podnet drift --fix: apply what is missing on this node, as far as no obstacle is in the way."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from netplan.desired.model import Desired
from netplan.operations.lock_hold import hold_lock
from netplan.operations.machine import Machine
from netplan.operations.request import Dialogue, Options, Outcome, Request, fulfil
from netplan.operations.saved_rules import files_to_write
from netplan.planning.obstacles import Obstacle
from netplan.planning.plan import NodePlan, Plan
from netplan.spec.load import Spec


class Fixed(NamedTuple):
    """What was done, and the plan of what is left, with the obstacles in its way as refusals."""

    outcome: Outcome
    rest: NodePlan

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """What stands in the way of the rest."""
        return self.outcome.done.obstacles


def fix(machine: Machine, spec: Spec, desired: Desired, options: Options, dialogue: Dialogue) -> Fixed:
    """Apply, without asking, what can be applied of a node's desired state; errors as from `fulfil`.

    RefusedError (3) if nothing can be applied.
    """
    with hold_lock(machine, "drift --fix", options.lock_timeout) as hold:
        file = files_to_write(desired, machine.store)
        read = partial(machine.plan, desired)
        request = Request("drift --fix", read, lambda plan: Plan.of(spec, [plan]), options, dialogue, file, partly=True)
        outcome = fulfil(request, hold)
    done = outcome.done
    return Fixed(outcome, replace(done.plan, changes=done.left_out, refusals=tuple(map(str, done.obstacles))))
