"""podnet plan: what would change on the nodes, from their recorded states, this machine's, or another spec's."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer
from msgspec.structs import replace

from netplan.cli.context import (
    DEFAULT_STATE,
    Records,
    SpecPath,
    addresses_of,
    known,
    open_spec,
    tell_assumed,
    this_node,
)
from netplan.cli.options import VarDir, check_var_dir, verb_app
from netplan.cli.output import LAYING_OUT, PlanFormat, json_text, say, show, show_plan, terminal, write_file
from netplan.cli.progress import bar
from netplan.cli.views.lines import Reads, reading, some
from netplan.desired.compile import compile_node, compile_removal
from netplan.desired.model import Desired
from netplan.errors import ExitCode, UsageError
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import printable
from netplan.operations.safety import warned
from netplan.planning.migration import Move, migrate, predecessors, renaming, role_of, same_role_plan
from netplan.planning.plan import NodePlan, Plan, Source, in_full, plan_node, with_effects
from netplan.planning.plan_json import plan_to_json, render_plan
from netplan.planning.traffic.classes import probes
from netplan.planning.underlay import resolved_in, unresolved
from netplan.spec.load import Spec, read_unjudged
from netplan.spec.topology import Node
from netplan.store import records
from netplan.store.vardir import var_dir

if TYPE_CHECKING:
    from netplan.planning.field_changes import FieldChange

_NODES: Final = "nodes"
_PLANNING: Final = "planning"
_MANY_CHANGES: Final = 3_000_000
"""These take a minute and two gigabytes."""

app = verb_app()


@app.command()
def plan(
    spec: SpecPath,
    *,
    node: Annotated[list[str] | None, typer.Option(metavar="N", help="Plan this node only; may be repeated.")] = None,
    state: Records = DEFAULT_STATE,
    live: Annotated[bool, typer.Option("--live", help="Plan this machine, from its kernel.")] = False,
    against: Annotated[Path | None, typer.Option(metavar="SPEC2", help="Plan the move from this spec.")] = None,
    format: Annotated[PlanFormat, typer.Option(help="How to print the plan.")] = PlanFormat.TEXT,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the plan for `podnet apply FILE`.")] = None,
    folder: VarDir = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 if there are changes.")] = False,
) -> None:
    """Show what would change on the nodes, and why."""
    if live and against:
        raise UsageError("--live and --against exclude each other: a plan starts from one state")
    check_var_dir(folder, live=live)
    loaded = open_spec(spec, state)
    settings: tuple[FieldChange, ...] | None = None
    if live:
        made = live_plan(loaded, node or [], folder)
    elif against:
        old = _open_older(against, state, loaded)
        made, settings = moving_plan(loaded, old, node or []), _settings(old, loaded)
    else:
        made = recorded_plan(loaded, state, node or [])
    if out:
        write_file(out, render_plan(made))
    _show(made, format, settings)
    if exit_code and not all(each.in_sync for each in made.nodes):
        raise typer.Exit(ExitCode.DIFFERENCES)


def live_plan(spec: Spec, names: Sequence[str], folder: Path | None = None) -> Plan:
    """Plan this machine, from its kernel and from what podnet remembers in a folder, by default the usual one."""
    from netplan.cli.context import kernel_of, resolved_here
    from netplan.operations.live_plan import plan_live
    from netplan.operations.safety import warned_live

    if len(names) > 1:
        raise UsageError("--live plans this machine: say --node once, or not at all")
    name = this_node(addresses_of(spec), names[0] if names else None)
    desired = compile_node(spec, resolved_here(spec.topology.by_name[name]))
    return Plan.of(
        spec, [warned_live(plan_live(desired, partial(kernel_of, folder=folder), var_dir(folder), terminal))]
    )


def recorded_plan(spec: Spec, folder: Path, names: Sequence[str]) -> Plan:
    """Plan nodes from their records below a state folder; a node without one is planned as if it were empty."""
    nodes, plans = _nodes(spec, names), _Plans()
    paths = (records.path_of(folder, spec.model.cluster, node.name) for node in nodes)
    plans.expect(sum(not path.exists() for path in paths), spec)
    for node in _told_of(nodes):
        record = records.read(folder, spec.model.cluster, node.name)
        desired = compile_node(spec, unresolved(node) if record is None else resolved_in(node, record.state))
        if record is None:
            plans.append(plan_node(desired, _empty(desired), Source.EMPTY))
        else:
            desired = replace(desired, overwritten=record.overwritten)
            state = record.of(desired.backend)
            plans.append(_doubted(warned(_recorded(desired, state), state)))
    empty = [plan.node for plan in plans.made if plan.source is Source.EMPTY]
    tell_assumed(spec, [spec.topology.by_name[name] for name in empty])
    _tell_unrecorded(folder, spec.model.cluster, empty)
    return Plan.of(spec, plans.made)


def _recorded(desired: Desired, state: Snapshot) -> NodePlan:
    return in_full(desired, state, Source.RECORDED, probes(desired, state))


def _doubted(plan: NodePlan) -> NodePlan:
    """Warn of the parameters that a record does not hold: they may have the value that is wanted."""
    settings = [change for change in plan.changes if isinstance(change.resource, Sysctl)]
    unknown = ", ".join(change.resource.label for change in settings if change.before is None)
    warning = f"not recorded, and perhaps as wanted already: {unknown}; capture the node again"
    return replace(plan, warnings=(*plan.warnings, warning)) if unknown else plan


def _tell_unrecorded(folder: Path, cluster: str, names: Sequence[str]) -> None:
    """Say which nodes have no record, where it was looked for, and how to make one."""
    if not names:
        return
    path = records.path_of(folder, cluster, names[0])
    others = f" (and {len(names) - 1} more)" if names[1:] else ""
    missing = f"there is no folder {folder}" if not folder.is_dir() else f"there is no record {path}{others}"
    say(f"podnet: {missing}: planned from empty; {names[0]} is recorded by `podnet capture --out {path}` there")


def _open_older(path: Path, state: Path, spec: Spec) -> Spec:
    """Read the spec that is moved from: its nodes that have new names by now had the leases of these."""
    from netplan.spec.lease_allocation import renamed_back

    with bar.during(f"reading {printable(path.name)}"):
        return renamed_back(read_unjudged(path, state), spec).judge()


def moving_plan(spec: Spec, old: Spec, names: Sequence[str]) -> Plan:
    """Plan nodes from the state that an older spec would have made of bare ones; those that leave are cleaned up.

    A node that has only got another name, by its address, is planned from what the older spec made of it.
    What that does to traffic is traced for one of those nodes whose changes read the same.
    """
    nodes, plans, told, firsts = _nodes(spec, names), _Plans(), set[Reads](), dict[Hashable, Move]()
    plans.expect(sum(node.name not in old.topology.by_name for node in nodes), spec)
    tell_assumed(spec, nodes)
    role, before = role_of(spec, old), predecessors(spec, old)
    renamed = {name: then for name, then in before.items() if then.name not in spec.topology.by_name}
    for node in _told_of(nodes):
        of = role(node.name)
        if of in firsts:
            plans.made.append(same_role_plan(firsts[of], spec, node))
            continue
        then = old.topology.by_name.get(node.name) or renamed.get(node.name)
        moving = _Moving(partial(compile_node, spec), node, old, then)
        found = moving.planned()
        if node.name in before:
            found = found.warned(renaming(spec, node, before[node.name]))
        if of is not None:
            firsts[of] = found
        plans.append(_traced(found, moving, told))
    stay = spec.topology.by_name.keys() | {then.name for then in renamed.values()}
    for node in old.topology.nodes if not names else ():
        if node.name not in stay:
            moving = _Moving(partial(compile_removal, old), node, old, node)
            plans.append(_traced(moving.planned(), moving, told))
    return Plan.of(spec, plans.made)


class _Moving(NamedTuple):
    """A node, what compiles what it should have, and the node that it was in an older spec, None if it is new."""

    compile: Callable[[Node], Desired]
    node: Node
    old: Spec
    then: Node | None

    def planned(self) -> Move:
        """Return the plan of the node."""
        return migrate(self.compile(self.node), None if self.then is None else compile_node(self.old, self.then))

    def in_words(self) -> _Moving:
        """Return the same with words for interfaces that only the node's devices could name."""
        then = None if self.then is None else unresolved(self.then)
        return self._replace(node=unresolved(self.node), then=then)


def _traced(found: Move, moving: _Moving, told: set[Reads]) -> NodePlan:
    """Return a plan with what it does to traffic, unless that was told of one that reads the same.

    The changes of nodes alike are to read alike; the traffic is one node's, and names its interface as `compile` does.
    """
    plan = found.plan
    if not plan.changes or (reads := reading(plan)) in told:
        return plan
    told.add(reads)
    named = moving.in_words()
    if named.node is not moving.node or named.then is not moving.then:
        found = named.planned()
    traced = with_effects(found.plan, probes(moving.compile(named.node), found.before), found.before)
    return replace(plan, effects=traced.effects, probes=traced.probes)


def _nodes(spec: Spec, names: Sequence[str]) -> list[Node]:
    chosen = [known(addresses_of(spec), name) for name in dict.fromkeys(names)]
    return [spec.topology.by_name[name] for name in chosen] or list(spec.topology.nodes)


class _Plans:
    """Plans of nodes as they are made; UsageError (2) once they are more than anybody waits for, or reads."""

    def __init__(self) -> None:
        self.made: list[NodePlan] = []
        self._changes = 0

    def expect(self, nodes: int, spec: Spec) -> None:
        """Say that so many nodes will be planned from nothing: each of them gets a route to each other node."""
        _check_count(nodes * len(spec.topology.nodes))

    def append(self, plan: NodePlan) -> None:
        """Add a plan whose changes are not those of another."""
        self._changes += len(plan.changes)
        _check_count(self._changes)
        self.made.append(plan)


def _check_count(changes: int) -> None:
    if changes > _MANY_CHANGES:
        raise UsageError(f"the plan would have more than {_MANY_CHANGES:,} changes: say --node for some of the nodes")


def _told_of(nodes: Sequence[Node]) -> Iterator[Node]:
    """Give nodes one after the other, with a bar that says how many of them are planned."""
    with bar.during(_PLANNING):
        for number, node in enumerate(nodes):
            bar.tell(_PLANNING, number, len(nodes))
            yield node


def _empty(desired: Desired) -> Snapshot:
    return Snapshot(desired.backend or FirewallBackend.NFT)


def _settings(old: Spec, new: Spec) -> tuple[FieldChange, ...]:
    """Give what two specs say otherwise, of their nodes which come and go; what tells it is loaded if there is any.

    Of another type of backend only what is written counts: its defaults say nothing about the other.
    """
    before, after = (spec.model.model_dump(mode="json", exclude={"nodes"}, exclude_none=True) for spec in (old, new))
    if before["backend"]["type"] != after["backend"]["type"]:
        for told, spec in ((before, old), (after, new)):
            told["backend"] = spec.model.backend.model_dump(mode="json", exclude_unset=True)
    then, now = old.model.nodes.keys(), new.model.nodes.keys()
    if before == after and then == now:
        return ()
    from netplan.planning.field_changes import FieldChange, setting_changes

    come = (FieldChange(_NODES, None, name) for name in new.model.nodes if name not in then)
    gone = (FieldChange(_NODES, name, None) for name in old.model.nodes if name not in now)
    return (*(setting_changes(before, after) if before != after else ()), *come, *gone)


def _told(settings: Sequence[FieldChange]) -> list[str]:
    """Put into words what two specs say otherwise, the nodes that come and go in a line each."""
    nodes = [change for change in settings if change.field == _NODES]
    come = [change.after for change in nodes if change.before is None]
    gone = [change.before for change in nodes if change.after is None]
    folded = [f"{_NODES}: {sign} {some(names)}" for sign, names in (("+", come), ("-", gone)) if names]
    return [*(printable(str(change)) for change in settings if change.field != _NODES), *folded]


def _show(made: Plan, format: PlanFormat, settings: Sequence[FieldChange] | None) -> None:
    lines = _told(settings or ())
    match format:
        case PlanFormat.JSON:
            told = {} if settings is None else {"settings": [change.to_json() for change in settings]}
            with bar.during(LAYING_OUT):
                text = json_text({**plan_to_json(made), **told})
            show(text)
        case PlanFormat.MARKDOWN:
            from netplan.cli.views.markdown import plan_markdown

            with bar.during(LAYING_OUT):
                text = plan_markdown(made, lines)
            show(text)
        case PlanFormat.TEXT:
            show_plan(made, settings=lines)
