"""A plan as lines, before any styling: what the text and the markdown view have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from netplan.kinds.chain.value import PlacedRule
from netplan.net import printable
from netplan.plan import NodePlan, Plan, Source
from netplan.planfile import summary
from netplan.resource import Action, Change, Reason, Resource

SIGNS: Final = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.MOVE: "~"}

_SOURCES: Final = {
    Source.LIVE: "live",
    Source.RECORDED: "recorded",
    Source.EMPTY: "no record: planned from empty",
    Source.SPEC: "against the other spec",
}
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One change: its sign, the kind of object, what happens, and why; `details` are the fields of an update."""

    sign: str
    kind: str
    text: str
    reason: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """The nodes that share their changes to the letter, and those changes."""

    nodes: tuple[NodePlan, ...]
    lines: tuple[Line, ...]

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
    folded: dict[tuple[object, ...], list[NodePlan]] = {}
    for node in plan.nodes:
        if node.changes or node.warnings or node.refusals:
            lines = tuple(map(line_of, node.changes))
            folded.setdefault((lines, node.source, node.backend, node.warnings, node.refusals), []).append(node)
    return tuple(Block(tuple(nodes), tuple(map(line_of, nodes[0].changes))) for nodes in folded.values())


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
        return reason.text
    return f"{printable(reason.text)}  {printable(PurePath(reason.at.path).name)}:{reason.at.line}"


def summary_line(plan: Plan, title: str) -> str:
    """Count the changes, and name the nodes that need none; `title` is the line's first word."""
    counts = summary(plan)
    in_sync = [node.node for node in plan.nodes if not node.changes]
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
