"""What is dangerous in a plan: a warning where it is shown, a refusal where it would be applied without a flag."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from netplan.errors import RefusedError
from netplan.kinds.snapshot import Snapshot
from netplan.operations.live_plan import LivePlan, brought_up, check_allowed, whole_state
from netplan.planning.obstacles import Obstacle
from netplan.planning.plan import NodePlan
from netplan.planning.projection import project
from netplan.planning.safety import Danger, Flag, dangers, session_packets
from netplan.trace import Packet


def allowed(
    *,
    session: bool = False,
    default_route: bool = False,
    many_deletes: bool = False,
    off_link: bool = False,
    broken: bool = False,
) -> frozenset[Flag]:
    """Return the flags of the dangers that are allowed."""
    flags = {
        Flag.SESSION: session,
        Flag.DEFAULT_ROUTE: default_route,
        Flag.MANY_DELETES: many_deletes,
        Flag.OFF_LINK: off_link,
        Flag.BROKEN_TRAFFIC: broken,
    }
    return frozenset(flag for flag, allow in flags.items() if allow)


def check_safe(live: LivePlan, flags: Collection[Flag], session: str | None) -> None:
    """Raise RefusedError (3), which names every danger, if a plan has some that no flag allows.

    `session` is the SSH_CONNECTION of the session that this runs in, None outside of any: here and below.
    """
    check_allowed(live.plan)
    refused = [danger for danger in _dangers(live, session) if danger.flag not in flags]
    if refused:
        listed = "\n".join(f"  {danger}" for danger in refused)
        names = " ".join(dict.fromkeys(danger.flag.value for danger in refused))
        raise RefusedError(
            f"the plan of {live.plan.node} is unsafe, and nothing was changed:\n{listed}\n"
            f"If that is what should happen, use {names}."
        )


def off_link(live: LivePlan, flags: Collection[Flag], session: str | None) -> tuple[Obstacle, ...]:
    """Return what stands in the way of routes whose next hops are not on-link, unless a flag allows them."""
    present = () if Flag.OFF_LINK in flags else _dangers(live, session)
    return tuple(Obstacle.before(str(danger), danger.objects) for danger in present if danger.flag is Flag.OFF_LINK)


def warned(plan: NodePlan, before: Snapshot, session: str | None = None) -> NodePlan:
    """Return a plan with its dangers as warnings; `before` is the whole state that it starts from."""
    present = dangers(plan, before, project(before, plan.changes), session)
    return replace(plan, warnings=(*plan.warnings, *_texts(present)))


def warned_live(live: LivePlan, session: str | None) -> NodePlan:
    """Return the plan of this machine with its dangers as warnings."""
    return replace(live.plan, warnings=(*live.plan.warnings, *_texts(_dangers(live, session))))


def _texts(present: Iterable[Danger]) -> tuple[str, ...]:
    return tuple(f"{danger.text} ({danger.flag})" for danger in present)


def _dangers(live: LivePlan, session: str | None) -> tuple[Danger, ...]:
    """Look for dangers in the state of this machine; StalePlanError (3) if the plan no longer fits it."""
    if not live.plan.changes:
        return ()
    now = _with_met_by(session_packets(session, live.before), live)
    return dangers(now.plan, now.before, project(now.before, now.plan.changes), session)


def _with_met_by(packets: Collection[Packet], live: LivePlan) -> LivePlan:
    """Return the plan with what else some packets meet in the kernel; without packets nothing is read again."""
    flows = [packet.flow for packet in packets]
    return brought_up(live, whole_state(live.kernel, live.interest, flows)) if flows else live
