"""A plan as lines, before any styling: what the text and the markdown view have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, TypeAlias

from netplan.effects import Effect, blamed
from netplan.kinds.chain.value import Backend, PlacedRule
from netplan.net import printable
from netplan.plan import NodePlan, Plan, Source
from netplan.planfile import summary
from netplan.resource import Action, Change, Reason, Resource

DRIFT: Final = "Drift"

SIGNS: Final = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.MOVE: "~"}

_SOURCES: Final = {
    Source.LIVE: "live",
    Source.RECORDED: "recorded",
    Source.EMPTY: "no record: planned from empty",
    Source.SPEC: "against the other spec",
}
_NAMED: Final = 3

_Reads: TypeAlias = tuple[
    tuple["Line", ...], tuple["TrafficLine", ...], Source, Backend, tuple[str, ...], tuple[str, ...]
]


@dataclass(frozen=True, slots=True)
class Line:
    """One change: its sign, the kind of object, what happens, and why; `details` are the fields of an update."""

    sign: str
    kind: str
    text: str
    reason: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrafficLine:
    """A class of traffic that fares otherwise after the plan, or still not as it should; `blame` says why it does."""

    traffic: str
    before: str
    after: str
    blame: str
    good: bool

    def __str__(self) -> str:
        return f"{self.traffic:<24}  {self.before}" + ("" if self.after == self.before else f" -> {self.after}")


@dataclass(frozen=True, slots=True)
class Block:
    """The nodes that share their changes to the letter, and those changes."""

    nodes: tuple[NodePlan, ...]
    lines: tuple[Line, ...]
    traffic: tuple[TrafficLine, ...]

    @property
    def title(self) -> str:
        """The nodes' names, the first few of many."""
        names = [node.node for node in self.nodes]
        return names[0] if len(names) == 1 else f"{_some(names)} ({len(names)} nodes, the same on each)"

    @property
    def source(self) -> str:
        """Where the state that the changes start from was found."""
        first = self.nodes[0]
        backend = "" if first.source in (Source.EMPTY, Source.SPEC) else f", iptables-{first.backend.value}"
        return f"{_SOURCES[first.source]}{backend}"


def blocks(plan: Plan) -> tuple[Block, ...]:
    """Fold the nodes whose plans read the same; nodes in sync that have nothing to say are left out."""
    folded: dict[_Reads, list[NodePlan]] = {}
    for node in plan.nodes:
        if node.changes or node.warnings or node.refusals:
            lines, traffic = tuple(map(line_of, node.changes)), tuple(traffic_lines(node.effects))
            key = (lines, traffic, node.source, node.backend, node.warnings, node.refusals)
            folded.setdefault(key, []).append(node)
    return tuple(Block(tuple(nodes), key[0], key[1]) for key, nodes in folded.items())


def traffic_lines(effects: Iterable[Effect]) -> Iterator[TrafficLine]:
    """Put into words what a plan does to traffic; peers that fare alike share a line."""
    peers: dict[tuple[str, str, str, str, bool], list[str]] = {}
    for effect in effects:
        if effect.changed or effect.stays_broken:
            step = effect.after_blame or effect.blame
            before, after = effect.words
            blame = "" if step is None else printable(blamed(step))
            key = (effect.probe.traffic, before, after, blame, not effect.stays_broken)
            peers.setdefault(key, []).extend([effect.probe.peer] if effect.probe.peer else [])
    for (traffic, before, after, blame, good), names in peers.items():
        where = f" on {_some(names)}" if names else ""
        yield TrafficLine(f"{traffic}{where}", before, after, blame, good)


def line_of(change: Change[Resource]) -> Line:
    """Put one change into words."""
    details: tuple[str, ...] = ()
    if change.action is Action.UPDATE:
        from netplan.fields import field_changes

        details = tuple(printable(str(field)) for field in field_changes(change))
    return Line(
        SIGNS[change.action], change.resource.kind, printable(_text(change)), reason_text(change.reason), details
    )


def _text(change: Change[Resource]) -> str:
    before, after = change.before, change.after
    if isinstance(before, PlacedRule) and isinstance(after, PlacedRule):
        return f"{before.chain} {before.position} -> {after.position}: {_rule(after)}"
    if isinstance(change.resource, PlacedRule):
        return f"{change.resource.label}: {_rule(change.resource)}"
    return change.resource.label if change.action is Action.UPDATE else str(change.resource)


def _rule(placed: PlacedRule) -> str:
    """Give a rule, ours without the comment that all of ours carry."""
    return f"-j {placed.rule.target}" if placed.ours else str(placed.rule)


def reason_text(reason: Reason) -> str:
    """Give a reason with the file and the line it stands in."""
    if reason.at is None:
        return printable(reason.text)
    return f"{printable(reason.text)}  {printable(PurePath(reason.at.path).name)}:{reason.at.line}"


def summary_line(plan: Plan, title: str) -> str:
    """Count the changes, and name the nodes that need none; `title` is the line's first word."""
    counts = summary(plan)
    in_sync = [node.node for node in plan.nodes if node.in_sync]
    synced = f" {_some(in_sync)}: in sync." if in_sync else ""
    if not counts["nodes_changed"]:
        return f"No changes.{synced}"
    numbers = ", ".join(f"{counts[verb]} to {verb}" for verb in ("create", "update", "delete"))
    of_nodes = f"{counts['nodes_changed']} of {counts['nodes']} node{'' if counts['nodes'] == 1 else 's'}"
    return f"{title}: {numbers} on {of_nodes}.{synced}"


def remarks(node: NodePlan) -> Iterator[str]:
    """Give what a person should know before applying a node's plan."""
    yield from (f"refused: {printable(refusal)}" for refusal in node.refusals)
    yield from (f"warning: {printable(warning)}" for warning in node.warnings)


def _some(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more"
