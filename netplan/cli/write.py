"""What every verb that writes does: ask, apply, report."""

from __future__ import annotations

import sys

from netplan.cli.connections import tell_outdated
from netplan.cli.output import ask, say
from netplan.cli.views.lines import traffic_lines
from netplan.errors import RefusedError
from netplan.masquerade import MASQUERADE_CHAIN
from netplan.plan import NodePlan, Plan
from netplan.spec.load import Spec
from netplan.work import Work, check_allowed


def plan_of(spec: Spec, work: Work) -> Plan:
    """Give the plan of one node, ready to be shown."""
    return Plan(spec.model.cluster, spec.path, spec.sha256, (work.plan,))


def confirm(plan: NodePlan, *, yes: bool) -> None:
    """Ask whether to apply a plan, unless `yes` or nothing changes; RefusedError (3) if nobody said yes."""
    if yes or not plan.changes:
        return
    check_allowed(plan)
    if not sys.stdin.isatty():
        raise RefusedError("there is no terminal to ask on, and nothing was changed: say --yes to apply without asking")
    if not ask(f"Apply this to {plan.node}?"):
        raise RefusedError("nothing was changed")


def carry_out(work: Work, *, flush: bool = False) -> None:
    """Apply a plan and tell of it; connections that are older than the rules are counted, or with `flush` ended."""
    after = work.carry_out()
    if work.plan.changes:
        say(f"Applied. {work.plan.node} is as planned; the kernel was read again to see it.")
    if work.plan.changes or flush:
        tell_outdated(after.chains.get(MASQUERADE_CHAIN), flush=flush)
    tell_broken(work.plan)


def tell_broken(plan: NodePlan) -> None:
    """Say what traffic stays broken after a plan, and whose rule or route is to blame."""
    lines = tuple(traffic_lines(plan.broken))
    if lines:
        say("This traffic stays broken, and it is not podnet's to mend:")
    for line in lines:
        say(f"  {line.traffic}: {line.after}; {line.blame}")
