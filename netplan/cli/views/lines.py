"""A plan as lines, before any styling: what the text and the markdown view have in common."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from pathlib import PurePath
from typing import Final, TypeAlias

from msgspec import Struct

from netplan.desired.checks import Command
from netplan.kinds.chain.value import Chain, FirewallBackend, PlacedRule
from netplan.kinds.registry import kind_of
from netplan.kinds.resource import Action, Change, Reason, Resource
from netplan.net import counted, printable
from netplan.planning.plan import NodePlan, Plan, Source
from netplan.planning.plan_json import summary
from netplan.planning.traffic.effects import TrafficEffect
from netplan.planning.traffic.judge import Fares, blamed

DRIFT: Final = "Drift"
OPENS: Final = "opens"
"""What stands before traffic that the plan lets in to the node itself, and above all changes."""

SIGNS: Final = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.MOVE: "~"}

_SOURCES: Final = {
    Source.LIVE: "live",
    Source.RECORDED: "recorded",
    Source.EMPTY: "no record: planned from empty",
    Source.SPEC: "against the other spec",
}
_CUT_OFF: Final = ("!", "cut off")
_UNKNOWN: Final = ("?", "unknown")
_NAMED: Final = 3
_MANY: Final = 100
"""How many lines of one sign and kind are shown before they are shortened."""

_Reads: TypeAlias = tuple[bytes, Source, FirewallBackend, tuple[str, ...], tuple[str, ...]]
"""What a plan shows: a digest of its lines, which may be very many, and the rest as it is."""


class Line(Struct, frozen=True):
    """One change: its sign, the kind of object, what happens, and why.

    `details` are the fields of an update, or the rules of a new chain. A command that is run in the end has a line too,
    with the sign `$`.
    """

    sign: str
    kind: str
    text: str
    reason: str
    details: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts of the line."""
        return (self.sign, self.kind, self.text, self.reason, *self.details)


class TrafficLine(Struct, frozen=True):
    """A class of traffic that fares otherwise after the plan, or not as it should; `blame` says why.

    The sign is `!` for what is broken after the plan and `?` for what is unknown. `kind` is the word that stands
    before it.
    """

    sign: str
    traffic: str
    before: str
    after: str
    blame: str
    kind: str = "traffic"

    def __str__(self) -> str:
        return f"{self.traffic:<24}  {self.before}" + ("" if self.after == self.before else f" -> {self.after}")


class Block(Struct, frozen=True):
    """Nodes whose changes read exactly alike, and those changes."""

    nodes: tuple[NodePlan, ...]
    traffic: tuple[TrafficLine, ...]

    @property
    def lines(self) -> Iterator[Line]:
        """Every change, and every command."""
        return chain(map(line_of, self.nodes[0].changes), commands(self.nodes[0]))

    @property
    def shortened(self) -> Iterator[Line]:
        """The changes to print: of very many of one sign and kind the first few, and how many more there are."""
        counts = Counter(map(_sort, self.nodes[0].changes))
        seen = Counter[tuple[str, str]]()
        for change in self.nodes[0].changes:
            sort = _sort(change)
            seen[sort] += 1
            if counts[sort] <= _MANY or seen[sort] <= _NAMED:
                yield line_of(change)
            elif seen[sort] == _NAMED + 1:
                yield Line(*sort, f"and {counts[sort] - _NAMED} more", "")
        yield from commands(self.nodes[0])

    @property
    def title(self) -> str:
        """The nodes' names, the first few of many."""
        names = [node.node for node in self.nodes]
        return names[0] if len(names) == 1 else f"{some(names)} ({len(names)} nodes, the same on each)"

    @property
    def source(self) -> str:
        """Where the state that the changes start from was found."""
        first = self.nodes[0]
        backend = "" if first.source in (Source.EMPTY, Source.SPEC) else f", iptables-{first.backend.value}"
        return f"{_SOURCES[first.source]}{backend}"


def blocks(plan: Plan) -> tuple[Block, ...]:
    """Fold the nodes whose plans read the same; nodes in sync that have nothing to say are left out.

    What moving to another spec does to traffic is traced for the first of those nodes only.
    """
    folded: dict[tuple[_Reads, tuple[TrafficLine, ...]] | None, list[NodePlan]] = {}
    worded: dict[int, bytes] = {}  # by the identity of changes: nodes of one role share them
    lines_of: dict[int, tuple[TrafficLine, ...]] = {}  # and effects
    several = len(plan.nodes) > 1
    for node in plan.nodes:
        if id(node.effects) not in lines_of:
            lines_of[id(node.effects)] = tuple(traffic_lines(node.effects))
        traffic = lines_of[id(node.effects)]
        if node.changes or node.warnings or node.refusals or traffic:
            shared = () if node.source is Source.SPEC else traffic
            key = (_reading(node, worded), shared) if several else None
            folded.setdefault(key, []).append(node)
    return tuple(Block(tuple(nodes), lines_of[id(nodes[0].effects)]) for nodes in folded.values())


def _reading(node: NodePlan, worded: dict[int, bytes]) -> _Reads:
    """Return what a node's plan shows, but for its effects on traffic; `worded` keeps the digests of changes."""
    lines = worded.get(id(node.changes))
    if lines is None:
        words = (word for line in map(line_of, node.changes) for word in (*line.parts, "\n"))
        lines = sha256("\0".join(words).encode(errors="surrogateescape")).digest()
        worded[id(node.changes)] = lines
    run = (line.text for line in commands(node))
    return lines, node.source, node.backend, (*run, *node.warnings), node.refusals


def traffic_lines(effects: Iterable[TrafficEffect]) -> Iterator[TrafficLine]:
    """Put into words what a plan does to traffic; peers that fare alike share a line, and so does what fares as one."""
    effects = tuple(effects)
    unmarked = {
        (effect.probe.traffic, effect.probe.peer, effect.words) for effect in effects if effect.probe.mark is None
    }
    alike: dict[tuple[str, str, str, str], list[TrafficEffect]] = {}
    folded: dict[tuple[str, str], dict[str, dict[str, list[TrafficEffect]]]] = {_CUT_OFF: {}, _UNKNOWN: {}}
    for effect in effects:
        probe = effect.probe
        sort = _UNKNOWN if effect.fares is Fares.UNKNOWN else _CUT_OFF if probe.fault is not None else None
        if sort is not None:
            folded[sort].setdefault(_blame(effect), {}).setdefault(probe.name, []).append(effect)
        elif _is_shown(effect) and not _repeats(effect, unmarked):
            key = ("!" if effect.stays_broken or effect.opens else "=", probe.name, *effect.words)
            alike.setdefault(key, []).append(effect)
    yield from _folded(_CUT_OFF, folded[_CUT_OFF])
    for (sign, traffic, before, after), sharing in alike.items():
        for blame, those in _by_blame(sharing, apart=sign == "!"):
            kind = OPENS if those[0].opens else "traffic"
            yield TrafficLine(sign, _class(traffic, those), before, after, blame, kind)
    yield from _folded(_UNKNOWN, folded[_UNKNOWN])


def _folded(sort: tuple[str, str], by_blame: Mapping[str, Mapping[str, list[TrafficEffect]]]) -> Iterator[TrafficLine]:
    """Return a line for all classes of one blame, whatever they are."""
    for blame, classes in by_blame.items():
        shown = [_class(traffic, those) for traffic, those in classes.items()]
        yield TrafficLine(sort[0], some(shown), sort[1], sort[1], blame)


def _by_blame(effects: Sequence[TrafficEffect], *, apart: bool) -> Iterator[tuple[str, Sequence[TrafficEffect]]]:
    """Return effects by what they are blamed on; without that in one group, unless `apart`."""
    by_blame: dict[str, list[TrafficEffect]] = {}
    for effect in effects:
        by_blame.setdefault(_blame(effect), []).append(effect)
    if apart or len(by_blame) == 1:
        yield from by_blame.items()
    else:
        yield "", effects


def _repeats(effect: TrafficEffect, unmarked: Set[tuple[str, str | None, tuple[str, str]]]) -> bool:
    """Whether a class says nothing of its own: it fares as the one without a mark, or as the pods on the same peers.

    A marked one does if its packets ask for another source, and none comes or goes.
    """
    probe = effect.probe
    if probe.mark is not None:
        kept = effect.before.source == effect.after.source
        return kept and (probe.traffic, probe.peer, effect.words) in unmarked
    pods = probe.traffic.replace("node on peer", "pod on peer")
    if pods == probe.traffic or effect.stays_broken:
        return False
    return any((traffic, words) == (pods, effect.words) for traffic, _, words in unmarked)


def _is_shown(effect: TrafficEffect) -> bool:
    return effect.changed or effect.fares is not Fares.WELL


def _blame(effect: TrafficEffect) -> str:
    """Return what makes traffic fare as it does: after the plan if it is not well then, else before."""
    step = effect.after_blame or effect.blame
    if step is None:
        return ""
    why = {Fares.UNKNOWN: "in doubt", Fares.REFUSED: "policy"}.get(effect.fares, "now")
    return f"{why}: {printable(blamed(step))}"


def _class(traffic: str, effects: Iterable[TrafficEffect]) -> str:
    """Return a class of traffic with the peers that it is about, and the part of it that it is."""
    probes = [effect.probe for effect in effects]
    peers = [*dict.fromkeys(peer for probe in probes for peer in probe.peers)]
    only = dict.fromkeys(text for probe in probes for text in probe.only)
    limits = f", only {', '.join(only)}" if only else ""
    more = sum(probe.more for probe in probes)
    limits += f" (and {more} more kinds of packets)" if more else ""
    if not peers:
        return printable(traffic + limits)
    named = some(peers, max(len(peers), *(probe.number for probe in probes)))
    return printable((traffic.replace("peer", named) if "peer" in traffic else f"{traffic} on {named}") + limits)


def line_of(change: Change[Resource]) -> Line:
    """Return one change as a line."""
    details: tuple[str, ...] = ()
    if change.action is Action.UPDATE:
        from netplan.planning.field_changes import field_changes

        details = tuple(printable(str(field)) for field in field_changes(change))
    elif isinstance(change.after, Chain):
        details = tuple(printable(str(rule)) for rule in change.after.rules)
    return Line(*_sort(change), printable(_text(change)), reason_text(change.reason), details)


def commands(node: NodePlan) -> Iterator[Line]:
    """Return the commands that the spec runs after the plan was applied, in full: they run as the user who applies."""
    for check in node.checks if node.changes else ():
        if isinstance(check.what, Command):
            reason = Reason(f"checks, within {check.within} s", check.at)
            yield Line("$", "run", printable(shlex.join(check.what.argv)), reason_text(reason))


def _sort(change: Change[Resource]) -> tuple[str, str]:
    """Return the sign of a change, and the kind of its object."""
    return SIGNS[change.action], kind_of(change.resource).short


def _text(change: Change[Resource]) -> str:
    before, after = change.before, change.after
    if isinstance(before, PlacedRule) and isinstance(after, PlacedRule):
        return f"{before.chain} {before.position} -> {after.position}: {_rule(after)}"
    if isinstance(change.resource, PlacedRule):
        return f"{change.resource.label}: {_rule(change.resource)}"
    return change.resource.label if change.action is Action.UPDATE else str(change.resource)


def _rule(placed: PlacedRule) -> str:
    """Return a rule, ours without the comment that all of ours carry."""
    return f"-j {placed.rule.target}" if placed.ours else str(placed.rule)


def reason_text(reason: Reason) -> str:
    """Return a reason with the file and the line it stands in."""
    if reason.at is None:
        return printable(reason.text)
    return f"{printable(reason.text)}  {_file_name(reason.at.path)}:{reason.at.line}"


@lru_cache(maxsize=16)
def _file_name(path: str) -> str:
    return printable(PurePath(path).name)


def summary_line(plan: Plan, title: str) -> str:
    """Return a line that counts the changes, and names the nodes in sync; `title` is its first word."""
    counts = summary(plan)
    in_sync = [node.node for node in plan.nodes if node.in_sync]
    synced = f" {some(in_sync)}: in sync." if in_sync else ""
    broken = [node.node for node in plan.nodes if node.broken]
    refused = [node.node for node in plan.nodes if node.refusals]
    if refused:
        synced = f" Blocked on {some(refused)}: see above.{synced}"
    if broken:
        synced = f" Traffic stays broken on {some(broken)}: podnet cannot fix that.{synced}"
    if not counts["nodes_changed"]:
        return f"No changes.{synced}"
    numbers = ", ".join(f"{counts[verb]} to {verb}" for verb in ("create", "update", "delete"))
    of_nodes = f"{counts['nodes_changed']} of {counted(counts['nodes'], 'node')}"
    return f"{title}: {numbers} on {of_nodes}.{synced}"


class Remark(Struct, frozen=True):
    """What the user should know before applying a plan: why it is refused, or a warning."""

    text: str
    refuses: bool

    def __str__(self) -> str:
        return f"{'refused' if self.refuses else 'warning'}: {printable(self.text)}"


def remarks(node: NodePlan) -> Iterator[Remark]:
    """Return what to know of a node's plan, the refusals first."""
    yield from (Remark(refusal, refuses=True) for refusal in node.refusals)
    yield from (Remark(warning, refuses=False) for warning in node.warnings)


def some(names: Sequence[str], count: int | None = None) -> str:
    """Return a few of so many names, and how many more there are; `count` is by default that of the names."""
    count = len(names) if count is None else count
    if count <= min(_NAMED, len(names)):
        return ", ".join(names)
    shown = names[: _NAMED - 1]
    return f"{', '.join(shown)} and {count - len(shown)} more"
