"""A plan for the kernel of a node: observe, plan, check that the plan still fits. `apply_plan` applies it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.interest import full_interest
from netplan.desired.model import Desired
from netplan.errors import RefusedError, StalePlanError
from netplan.kernel import Kernel
from netplan.kinds.chain.edit import ConflictError
from netplan.kinds.chain.reach import MANY_RULES
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.resource import Change, Resource
from netplan.kinds.route.value import Route, RouteKey
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.remembered import recalled, with_applied
from netplan.operations.report import Report
from netplan.planning.fingerprint import changed_since, unlike
from netplan.planning.interest import interest_of, with_ground
from netplan.planning.obstacles import Obstacle, identity
from netplan.planning.ownership import foreign
from netplan.planning.plan import NodePlan, Source, beside, in_full, plan_node, restoring_plan, with_effects
from netplan.planning.route_conflicts import occupied
from netplan.planning.sysctls import unknown
from netplan.planning.traffic.classes import classes_of, flows_of
from netplan.planning.underlay import elsewhere, missing_interfaces, shut_out
from netplan.planning.undo import undo_changes
from netplan.trace import Flow

if TYPE_CHECKING:
    from netplan.operations.rollback_target import RollbackTarget

_NO_RULES = Interest()


class LivePlan(Struct, frozen=True):
    """A node's plan together with the kernel it is for, the state it starts from, and what is left out of it.

    `desired` is None for a saved plan, whose spec is not at hand. `anew` makes the plan from another state; a saved one
    can't be made anew. `left_out` are the changes that have to wait for the `obstacles`.
    """

    plan: NodePlan
    kernel: Kernel
    before: Snapshot
    interest: Interest
    desired: Desired | None = None
    anew: Callable[[Snapshot], NodePlan] | None = None
    left_out: tuple[Change[Resource], ...] = ()
    obstacles: tuple[Obstacle, ...] = ()

    @classmethod
    def from_kernel(cls, desired: Desired, kernel: Kernel, *, limit: int = MANY_RULES) -> LivePlan:
        """Return a plan for the kernel as it is now, with all that the cluster's packets meet in it.

        Of a table not more than `limit` rules are read: FEW_RULES for what runs every minute.
        """
        traffic = classes_of(desired)
        state = whole_state(kernel, desired.interest, flows_of(traffic), limit=limit)
        plan = in_full(desired, state, Source.LIVE, traffic)
        return cls(plan, kernel, state, desired.interest, desired, partial(plan_node, desired, source=Source.LIVE))

    @classmethod
    def from_saved(cls, plan: NodePlan, kernel: Kernel) -> LivePlan:
        """Return a saved plan to be applied; StalePlanError (3) if the state it depends on has changed.

        RefusedError (3) if it changes an object that is another program's, whatever the file says of it, or a rule at a
        position that its chain does not have. Its effects on traffic are traced anew: other programs may have changed
        what the plan does not depend on.
        """
        before = whole_state(kernel, plan.interest, flows_of(plan.traffic))
        check_fresh(plan, before)
        _check_ours(plan, before)
        new_refusals = (
            *map(str, elsewhere(plan.node, plan.address, plan.changes, before)),
            *unknown(plan.changes),
            *map(str, missing_interfaces(plan.changes, plan.address, before)),
            *map(str, shut_out(plan.changes, before)),
        )
        refusals = tuple(dict.fromkeys((*plan.refusals, *new_refusals)))
        try:
            traced = with_effects(replace(plan, refusals=refusals), plan.traffic, before)
        except ConflictError as error:
            raise RefusedError(
                f"the plan of {plan.node} does not fit the node, and nothing was changed: {error}. Plan again."
            ) from error
        return cls(traced, kernel, before, plan.interest)

    @classmethod
    def for_rollback(cls, target: RollbackTarget, kernel: Kernel) -> LivePlan:
        """Return the plan back to an earlier state, with what it does to the traffic that is wanted there."""
        settings = frozenset({*target.sysctls, *(sysctl.name for sysctl in target.state.all(Sysctl))})
        kept = Interest(frozenset(target.state.chains), sysctls=settings)
        interest = with_ground(interest_of(target.touched) | kept)
        traffic = target.traffic or ()
        now = whole_state(kernel, interest, flows_of(traffic)) if traffic else kernel.observe(interest)
        unknown_traffic = f"generation {target.generation} does not say what traffic it wants: what breaks is unknown"

        def anew(state: Snapshot) -> NodePlan:
            changes = tuple(undo_changes(target.state, state, target.touched, target.reason))
            return replace(
                restoring_plan(target.origin.node, target.origin.address, changes, state),
                refusals=tuple(map(str, shut_out(changes, state))),
                sysctls=target.sysctls,
                hooks=target.hooks,
                warnings=() if target.traffic is not None else (unknown_traffic,),
            )

        return cls(with_effects(anew(now), traffic, now), kernel, now, interest, anew=anew)

    @property
    def blocked(self) -> frozenset[RouteKey]:
        """The keys of desired routes that are left out."""
        return frozenset(change.after.key for change in self.left_out if isinstance(change.after, Route))

    def beside(self, obstacles: Sequence[Obstacle]) -> LivePlan:
        """Return what can be done despite the obstacles; the plan itself if there are none."""
        if not obstacles:
            return self
        anew, plan = self.anew, beside(self.plan, obstacles, self.before)
        kept = {identity(change.resource) for change in plan.changes}
        left_out = (change for change in self.plan.changes if identity(change.resource) not in kept)
        return replace(
            self,
            plan=plan,
            anew=None if anew is None else lambda state: beside(anew(state), obstacles, state),
            left_out=(*self.left_out, *left_out),
            obstacles=(*self.obstacles, *obstacles),
        )


def whole_state(
    kernel: Kernel, interest: Interest = _NO_RULES, flows: Iterable[Flow] = (), *, limit: int = MANY_RULES
) -> Snapshot:
    """Return everything observed, with the settings of the devices that have an address, and what else is of interest.

    With `flows`, everything that a trace of these needs; of a table not more than `limit` rules are read.
    """
    return kernel.observe(full_interest(flows, limit=limit) | interest)


def brought_up(live: LivePlan, now: Snapshot) -> LivePlan:
    """Return the plan as of a later state of its kernel; StalePlanError (3) if other changes are needed there.

    Rules that other programs insert before ours shift the positions only: the changes are the same.
    """
    if not any(changed_since(live.plan.depends, live.plan.changes, now)):
        return replace(live, before=now)
    later = live.plan if live.anew is None else live.anew(now)
    if live.anew is None or later.refusals != live.plan.refusals or unlike(live.plan.changes, later.changes):
        check_fresh(live.plan, now)
    return replace(live, before=now, plan=replace(live.plan, changes=later.changes, depends=later.depends))


def check_allowed(plan: NodePlan) -> None:
    """Raise RefusedError (3) if a plan must not be applied."""
    if plan.refusals:
        listed = "\n".join(f"  {refusal}" for refusal in plan.refusals)
        raise RefusedError(f"the plan of {plan.node} can't be applied, and nothing was changed:\n{listed}")


def _check_ours(plan: NodePlan, now: Snapshot) -> None:
    listed = "\n".join(
        f"  {resource.kind} {resource}"
        for resource in foreign(plan.changes, now, adopts=plan.adopts, puts_back=plan.puts_back)
    )
    if listed:
        raise RefusedError(
            f"the plan of {plan.node} changes what is not podnet's, and nothing was changed:\n{listed}\n"
            "podnet plans no such change: plan again, and find out who wrote this file."
        )


def check_fresh(plan: NodePlan, now: Snapshot) -> None:
    """Raise StalePlanError (3), which shows how, if the state that a plan depends on has changed."""
    stale = tuple(changed_since(plan.depends, plan.changes, now))
    if stale:
        listed = "\n".join(f"  {part}: now {now}" for part, now in stale)
        raise StalePlanError(
            f"the plan of {plan.node} is stale, and nothing was changed. Since it was made, these changed:\n{listed}\n"
            "Plan again, and apply that."
        )


def plan_live(
    desired: Desired,
    opener: Callable[[FirewallBackend | None], Kernel],
    folder: Path,
    report: Report,
    *,
    limit: int = MANY_RULES,
) -> LivePlan:
    """Return a plan for the kernel as it is now, with what podnet remembers of it; see `LivePlan.from_kernel`.

    Where other programs' routes are in the place of ours it is planned again: the newest generation says whether they
    replaced ours.
    """
    with report.during("reading the kernel"):
        kernel = opener(desired.backend)
        recalling = recalled(desired, folder, report)
        live = LivePlan.from_kernel(recalling, kernel, limit=limit)
        if live.plan.refusals and occupied(recalling, live.plan.changes, live.before):
            return LivePlan.from_kernel(with_applied(recalling, folder, report), kernel, limit=limit)
        return live
