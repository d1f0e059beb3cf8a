"""podnet remove: delete everything of ours from this node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from netplan.desired.compile import compile_node, compile_removal
from netplan.desired.model import Desired, Removal
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import counted
from netplan.operations.live_plan import LivePlan
from netplan.operations.lock_hold import hold_lock
from netplan.operations.machine import Machine
from netplan.operations.request import Dialogue, Options, Outcome, PlanShown, Request, fulfil
from netplan.operations.rollback_target import AdoptedObjects, adopted_objects
from netplan.operations.saved_rules import OutdatedFiles, files_to_write
from netplan.planning.plan import NodePlan, Plan
from netplan.spec.load import Spec
from netplan.spec.topology import Node


class Removed(NamedTuple):
    """What was removed, and what was then removed with other packet filters in which only our rules were left."""

    outcome: Outcome
    left_behind: tuple[Outcome, ...] = ()


def remove(machine: Machine, spec: Spec, node: Node, options: Options, dialogue: Dialogue) -> Removed:
    """Delete everything of podnet's from a node, and nothing else; errors as from `fulfil`.

    Once the plan is shown, notes say which pods will no longer reach each other, and what was another program's before
    podnet adopted it; when all is done, others say which pods no longer do, and which rules that the spec removes are
    not restored.
    """
    node = machine.resolved(node)
    desired = compile_removal(spec, node)

    def show(shown: PlanShown) -> None:
        dialogue.show(shown)
        for line in _unreachable(shown.plan.nodes[0], "will no longer"):
            machine.report.note(line)
        adopted = _adopted(machine, shown.plan.nodes[0])
        if adopted is not None:
            machine.report.note(_warning(adopted))

    with hold_lock(machine, "remove", options.lock_timeout) as hold:

        def take_away(read: Callable[[], LivePlan], file: OutdatedFiles | None = None) -> Outcome:
            asking = dialogue._replace(show=show)
            return fulfil(Request("remove", read, lambda plan: Plan.of(spec, [plan]), options, asking, file), hold)

        outcome = take_away(partial(machine.plan, desired), files_to_write(desired, machine.store))
        before = outcome.done.before
        backends = sorted({chain.owner.backend for chain in before.all(OtherChain) if chain.left_behind})
        others = tuple(take_away(partial(_left_behind, machine, desired, backend)) for backend in backends)
    if outcome.done.plan.changes:
        for line in (
            *_unreachable(outcome.done.plan, "no longer"),
            *_stay_away(compile_node(spec, node).removals, before),
        ):
            machine.report.note(line)
    return Removed(outcome, others)


def _left_behind(machine: Machine, desired: Desired, backend: FirewallBackend | None) -> LivePlan:
    """Return the plan that removes the rules of another backend."""
    with machine.report.during("reading the kernel"):
        return LivePlan.from_kernel(desired, machine.open_kernel(backend))


def _adopted(machine: Machine, plan: NodePlan) -> AdoptedObjects | None:
    """Return what a plan deletes that podnet adopted, and that deleting it does not give back."""
    deleted = [change.before for change in plan.changes if change.before is not None and change.after is None]
    return adopted_objects(machine.store.generations.all(), deleted)


def _warning(adopted: AdoptedObjects) -> str:
    return (
        f"warning: podnet took over {adopted} from another program. remove deletes it, and leaves this node without a "
        f"pod network: `podnet rollback {adopted.generation}` restores what that program had made, also after remove"
    )


def _unreachable(plan: NodePlan, how: str) -> Iterator[str]:
    """Say which pods no longer reach each other, or will not."""
    deleted = (change.before for change in plan.changes if change.after is None)
    routes = {route.prefix for route in deleted if isinstance(route, Route) and route.type == "unicast"}
    if routes:
        others = counted(len(routes), "other subnet")
        yield f"Pods here and those of {others} {how} reach each other, unless another program routes them."


def _stay_away(removals: Iterable[Removal], state: Snapshot) -> Iterator[str]:
    """Say which rules that the spec removes are not in the kernel: only the programs that made them restore them."""
    absent = [
        removal
        for removal in removals
        if removal.chain in state.chains and removal.rule not in state.rules(removal.chain)
    ]
    if absent:
        yield "Not restored in the kernel (the programs that made them do that when they start), if they were there:"
    yield from (f"  {removal.chain}: {removal.rule}" for removal in absent)
