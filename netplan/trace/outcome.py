"""One answer from all the ends that a packet may come to: what they agree on is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from netplan.trace.decision import PacketVerdict
from netplan.trace.firewall.walk import Step, Trail, doubts
from netplan.trace.flow import NO_DEVICE, Flow
from netplan.trace.packet import Trace

T = TypeVar("T")


class End(NamedTuple):
    """The end of a way."""

    verdict: PacketVerdict
    flow: Flow
    trail: Trail


def answer(ends: Sequence[End]) -> Trace:
    """Put the ends of all ways into one answer: what they agree on is known."""
    traces = [_seen(end) for end in sorted(ends, key=lambda end: doubts(end.trail))]
    first = traces[0]
    if all(_outcome(trace) == _outcome(first) for trace in traces):
        open_ended = first.verdict is PacketVerdict.UNKNOWN or first.source is None or first.destination is None
        return replace(first, doubt=_first_doubt(first.steps) if open_ended else None)
    common = _common([trace.steps for trace in traces])
    later = [step for trace in traces for step in trace.steps[len(common) :]]
    doubt = _first_doubt(later) or _first_doubt(common[::-1])
    before = common if doubt in later else common[: common.index(doubt)] if doubt else common
    return Trace(
        verdict=_agreed([trace.verdict for trace in traces]) or PacketVerdict.UNKNOWN,
        source=_agreed([trace.source for trace in traces]),
        destination=_agreed([trace.destination for trace in traces]),
        oif=_agreed([trace.oif for trace in traces]),
        next_hop=_agreed([trace.next_hop for trace in traces]),
        steps=before if doubt is None else (*before, doubt),
        doubt=doubt,
    )


def _first_doubt(steps: Iterable[Step]) -> Step | None:
    return next((step for step in steps if not step.certain), None)


def _seen(end: End) -> Trace:
    flow = end.flow
    oif = flow.oif if flow.oif != NO_DEVICE else None
    return Trace(end.verdict, flow.from_address, flow.to_address, oif, flow.next_hop, end.trail)


def _outcome(trace: Trace) -> tuple[object, ...]:
    return trace.verdict, trace.source, trace.destination, trace.oif, trace.next_hop


def _common(trails: Sequence[Trail]) -> Trail:
    """Return the steps with which all trails begin."""
    alike = takewhile(lambda steps: all(step == steps[0] for step in steps), zip(*trails, strict=False))
    return tuple(steps[0] for steps in alike)


def _agreed(values: Sequence[T]) -> T | None:
    return values[0] if all(value == values[0] for value in values) else None
