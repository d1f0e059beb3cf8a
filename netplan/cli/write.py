"""What every verb that writes does: refuse what must not be applied, show, ask, apply, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from netplan.apply import apply
from netplan.cli.connections import tell_outdated
from netplan.cli.output import ask, say
from netplan.cli.whole import plan_live
from netplan.compile import Desired
from netplan.differences import differences
from netplan.errors import RefusedError, StalePlanError
from netplan.freshness import changed_since, unmet
from netplan.kernel import Kernel
from netplan.masquerade import MASQUERADE_CHAIN
from netplan.net import printable
from netplan.plan import NodePlan, Plan
from netplan.resource import Change, Resource
from netplan.snapshot import Interest, Snapshot
from netplan.spec.load import Spec


@dataclass(frozen=True)
class Work:
    """A node's plan together with the kernel it is for, the state it starts from, and what would be left of it."""

    plan: NodePlan
    kernel: Kernel
    before: Snapshot
    interest: Interest
    desired: Desired | None = None

    @classmethod
    def live(cls, desired: Desired, kernel: Kernel) -> Work:
        """Plan for the kernel as it is now."""
        plan, before = plan_live(desired, kernel)
        return cls(plan, kernel, before, desired.interest, desired)

    def left(self, now: Snapshot) -> Sequence[Change[Resource]]:
        """Give what is still to be done in a state."""
        if self.desired is not None:
            return tuple(differences(self.desired, now))
        return tuple(unmet(self.plan.changes, self.before, now))


def plan_of(spec: Spec, work: Work) -> Plan:
    """Give the plan of one node, ready to be shown."""
    return Plan(spec.model.cluster, spec.path, spec.sha256, (work.plan,))


def carry_out(work: Work, *, flush: bool = False) -> None:
    """Apply a plan; RefusedError (3) if it must not be, or if the state it depends on has changed meanwhile.

    Connections that are older than the rules are counted, or with `flush` ended.
    """
    _refuse(work.plan)
    if work.plan.changes:
        now = work.kernel.observe(work.interest)
        check_fresh(work.plan, now)
        apply(work.plan.changes, now, work.kernel, work.interest, work.left)
        say(f"Applied. {work.plan.node} is as planned; the kernel was read again to see it.")
    if work.plan.changes or flush:
        tell_outdated(work.kernel.observe(work.interest).chains.get(MASQUERADE_CHAIN), flush=flush)


def check_fresh(plan: NodePlan, now: Snapshot) -> None:
    """Raise StalePlanError (3), which shows how, if the state that a plan depends on has changed."""
    stale = tuple(changed_since(plan.depends, plan.changes, now))
    if stale:
        listed = "\n".join(f"  {printable(part)}: now {printable(found)}" for part, found in stale)
        raise StalePlanError(
            f"the plan of {plan.node} is stale, and nothing was changed. Since it was made, there changed:\n{listed}\n"
            "Plan again, and apply that."
        )


def _refuse(plan: NodePlan) -> None:
    if plan.refusals:
        listed = "\n".join(f"  {printable(refusal)}" for refusal in plan.refusals)
        raise RefusedError(f"the plan of {plan.node} can't be applied, and nothing was changed:\n{listed}")


def confirm(plan: NodePlan, *, yes: bool) -> None:
    """Ask whether to apply a plan, unless `yes` or nothing changes; RefusedError (3) if nobody said yes."""
    if yes or not plan.changes:
        return
    _refuse(plan)
    if not sys.stdin.isatty():
        raise RefusedError("there is no terminal to ask on, and nothing was changed: say --yes to apply without asking")
    if not ask(f"Apply this to {plan.node}?"):
        raise RefusedError("nothing was changed")
