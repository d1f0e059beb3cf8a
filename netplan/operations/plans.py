"""Plans of a cluster's nodes: from this machine's kernel, from records, or from what an older spec made of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.compile import compile_node, compile_removal
from netplan.desired.model import Desired
from netplan.errors import UsageError
from netplan.kernel import Kernel
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.assumed_mtu import note_assumed
from netplan.operations.live_plan import plan_live
from netplan.operations.report import Report
from netplan.operations.safety import warned, warned_live
from netplan.planning.field_changes import FieldChange, setting_changes
from netplan.planning.groups import Likeness, like, likeness
from netplan.planning.migration import Move, migrate, predecessors, renaming, role_of, same_role_plans
from netplan.planning.plan import NodePlan, Plan, Source, in_full, plan_node, with_effects
from netplan.planning.traffic.classes import classes_of
from netplan.planning.underlay import resolved_in, unresolved
from netplan.spec.load import Spec
from netplan.spec.topology import Node
from netplan.store import records

NODES: Final = "nodes"
"""The field of a setting that is a node added or removed."""

_PLANNING: Final = "planning"
_MANY_CHANGES: Final = 3_000_000
"""These take a minute and two gigabytes."""


def plan_this_node(
    desired: Desired,
    opener: Callable[[FirewallBackend | None], Kernel],
    folder: Path,
    report: Report,
    session: str | None = None,
) -> NodePlan:
    """Return the plan of this node from its kernel, and from what podnet remembers of it in a folder.

    `session` is the SSH_CONNECTION of the session that this runs in, None outside of any.
    """
    return warned_live(plan_live(desired, opener, folder, report), session)


def plan_recorded(spec: Spec, folder: Path, nodes: Sequence[Node], report: Report) -> Plan:
    """Return plans of nodes from their records below a state folder; a node without one is planned as if empty."""
    plans = _Plans()
    paths = (records.path_of(folder, spec.model.cluster, node.name) for node in nodes)
    plans.expect(sum(not path.exists() for path in paths), spec)
    for node in _progressing(nodes, report):
        record = records.read(folder, spec.model.cluster, node.name)
        desired = compile_node(spec, unresolved(node) if record is None else resolved_in(node, record.state))
        if record is None:
            plans.append(plan_node(desired, _empty(desired), Source.EMPTY))
        else:
            desired = replace(desired, overwritten=record.overwritten)
            state = record.of(desired.backend)
            plans.append(_warned_of_unrecorded(warned(_recorded(desired, state), state)))
    empty = [plan.node for plan in plans.plans if plan.source is Source.EMPTY]
    note_assumed(spec, [spec.topology.by_name[name] for name in empty], report)
    _note_unrecorded(folder, spec.model.cluster, empty, report)
    return Plan.of(spec, plans.plans)


def _recorded(desired: Desired, state: Snapshot) -> NodePlan:
    return in_full(desired, state, Source.RECORDED, classes_of(desired))


def _warned_of_unrecorded(plan: NodePlan) -> NodePlan:
    """Return the plan with a warning of parameters that the record lacks: they may have the desired value already."""
    settings = [change for change in plan.changes if isinstance(change.resource, Sysctl)]
    unknown = ", ".join(change.resource.label for change in settings if change.before is None)
    warning = f"not recorded, and perhaps as wanted already: {unknown}; capture the node again"
    return replace(plan, warnings=(*plan.warnings, warning)) if unknown else plan


def _note_unrecorded(folder: Path, cluster: str, names: Sequence[str], report: Report) -> None:
    """Note which nodes have no record, where it was looked for, and how to make one."""
    if not names:
        return
    path = records.path_of(folder, cluster, names[0])
    others = f" (and {len(names) - 1} more)" if names[1:] else ""
    missing = f"there is no folder {folder}" if not folder.is_dir() else f"there is no record {path}{others}"
    report.note(f"podnet: {missing}: planned from empty; {names[0]} is recorded by `podnet capture --out {path}` there")


def plan_move(spec: Spec, old: Spec, nodes: Sequence[Node] | None, report: Report) -> Plan:
    """Return plans of nodes from the state to which an older spec would have brought fresh ones.

    `nodes` None are all of them, and those that leave, which are cleaned up. A node that has only got another name, by
    its address, is planned from what the older spec made of it. Effects on traffic are traced on one node of each
    likeness, and hold for all of that.
    """
    chosen = spec.topology.nodes if nodes is None else nodes
    plans, traced, same = _Plans(), dict[Likeness, NodePlan](), dict[Hashable, Callable[[Node], NodePlan]]()
    plans.expect(sum(node.name not in old.topology.by_name for node in chosen), spec)
    note_assumed(spec, chosen, report)
    role, before = role_of(spec, old), predecessors(spec, old)
    renamed = {name: then for name, then in before.items() if then.name not in spec.topology.by_name}
    for node in _progressing(chosen, report):
        role_here = role(node.name)
        if role_here in same:
            plans.plans.append(same[role_here](node))
            continue
        then = old.topology.by_name.get(node.name) or renamed.get(node.name)
        moving = _Moving(partial(compile_node, spec), node, old, then)
        move = moving.move
        if node.name in before:
            move = move.warned(renaming(spec, node, before[node.name]))
        plan = _traced(move.plan, moving, traced)
        if role_here is not None:
            same[role_here] = same_role_plans(move, plan, spec)
        plans.append(plan)
    stay = spec.topology.by_name.keys() | {then.name for then in renamed.values()}
    for node in old.topology.nodes if nodes is None else ():
        if node.name not in stay:
            moving = _Moving(partial(compile_removal, old), node, old, node)
            plans.append(_traced(moving.move.plan, moving, traced))
    return Plan.of(spec, plans.plans)


class _Moving(Struct, frozen=True, dict=True):
    """A node, what compiles its desired state, and the node that it was in an older spec, None if it is new."""

    compile: Callable[[Node], Desired]
    node: Node
    old: Spec
    then: Node | None

    @cached_property
    def desired(self) -> Desired:
        """The desired state of the node."""
        return self.compile(self.node)

    @cached_property
    def move(self) -> Move:
        """The plan of the node."""
        return migrate(self.desired, None if self.then is None else compile_node(self.old, self.then))

    @property
    def in_words(self) -> _Moving:
        """The same with a description in place of interfaces that only the node's devices could name."""
        node, then = unresolved(self.node), None if self.then is None else unresolved(self.then)
        return self if node is self.node and then is self.then else replace(self, node=node, then=then)


def _traced(plan: NodePlan, moving: _Moving, traced: dict[Likeness, NodePlan]) -> NodePlan:
    """Return a node's plan with its effects on traffic: as traced on one of the same likeness, or else on this one.

    The changes of nodes alike are to read alike; the traffic is one node's, and names its interface as `compile` does.
    """
    if not plan.changes:
        return plan
    key = likeness(plan, moving.node, moving.then)
    if key in traced:
        return like(plan, traced[key])
    named = moving.in_words
    effects_plan = with_effects(named.move.plan, classes_of(named.desired), named.move.before)
    traced[key] = replace(plan, effects=effects_plan.effects, traffic=effects_plan.traffic)
    return traced[key]


class _Plans:
    """Plans of nodes as they are made; UsageError (2) once they are too many to wait for, or to read."""

    def __init__(self) -> None:
        self.plans: list[NodePlan] = []
        self._changes = 0

    def expect(self, nodes: int, spec: Spec) -> None:
        """Count nodes that will be planned from nothing: each of them gets a route to each other node."""
        _check_count(nodes * len(spec.topology.nodes))

    def append(self, plan: NodePlan) -> None:
        """Add a plan whose changes are not those of another."""
        self._changes += len(plan.changes)
        _check_count(self._changes)
        self.plans.append(plan)


def _check_count(changes: int) -> None:
    if changes > _MANY_CHANGES:
        raise UsageError(f"the plan would have more than {_MANY_CHANGES:,} changes: use --node for some of the nodes")


def _progressing(nodes: Sequence[Node], report: Report) -> Iterator[Node]:
    """Yield nodes one after the other, and report how many of them are planned."""
    with report.during(_PLANNING):
        for number, node in enumerate(nodes):
            report.progress(_PLANNING, number, len(nodes))
            yield node


def _empty(desired: Desired) -> Snapshot:
    return Snapshot(desired.backend or FirewallBackend.NFT)


def changed_settings(old: Spec, new: Spec) -> tuple[FieldChange, ...]:
    """Return where two specs differ; of their nodes which are added and removed.

    Of another type of backend only what is written counts: its defaults say nothing about the other.
    """
    before, after = (spec.model.model_dump(mode="json", exclude={"nodes"}, exclude_none=True) for spec in (old, new))
    if before["backend"]["type"] != after["backend"]["type"]:
        for settings, spec in ((before, old), (after, new)):
            settings["backend"] = spec.model.backend.model_dump(mode="json", exclude_unset=True)
    then, now = old.model.nodes.keys(), new.model.nodes.keys()
    if before == after and then == now:
        return ()
    added = (FieldChange(NODES, None, name) for name in new.model.nodes if name not in then)
    removed = (FieldChange(NODES, name, None) for name in old.model.nodes if name not in now)
    return (*(setting_changes(before, after) if before != after else ()), *added, *removed)
