"""Packets from node to node: as the next one receives them, and which of all connections those of a node belong to.

A node knows nothing of what others translated: it receives packets with the header that they have then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from netplan.trace.connection import following, parts_followed, ports_of
from netplan.trace.flow import (
    DESTINATION,
    FIELDS,
    NO_DEVICE,
    NO_SOURCE,
    SERVICE,
    SOURCE,
    SPORT,
    Field,
    Flow,
    Mark,
    Phase,
    services,
)
from netplan.trace.intervals import EVERY_PORT, Intervals, meet
from netplan.trace.journey import Visit

_TURNED: Final = {SOURCE: DESTINATION, DESTINATION: SOURCE, SPORT: SERVICE, SERVICE: SPORT}

Regions = Callable[[Flow], Iterable[Flow]]
"""From packets, as a node left them, to the parts of all connections that they belong to."""


class Arrival(NamedTuple):
    """Packets at a node, the parts of the header translated before, and how to find their connections."""

    packets: Flow
    moved: frozenset[Field]
    regions: Regions


def received(flow: Flow, device: str) -> Flow:
    """Return packets as a node receives them by a device that another one let go."""
    return Flow(
        flow.version,
        flow.sources,
        flow.destinations,
        flow.sport if flow.new_sport in (None, EVERY_PORT) else flow.new_sport or (),
        flow.service if flow.new_dport is None else _with_ports(flow.service, flow.new_dport),
        iif=device,
        oif=NO_DEVICE,
        mark=Mark.of(0),
        connmark=Mark.of(0),
        dnat=False,
        phase=flow.phase,
    )


def _with_ports(service: Intervals, ports: Intervals) -> Intervals:
    return services([protocol for protocol, _ in ports_of(service)], ports)


def moved_by(flow: Flow, *, back: bool = False) -> frozenset[Field]:
    """Return which parts of the header a node has changed, of packets that go back by their names on the way there."""
    moved = [field for field in FIELDS if getattr(flow, field.new) not in (None, getattr(flow, field.name))]
    kept = moved if flow.new_sport != EVERY_PORT else [field for field in moved if field is not SPORT]
    return frozenset(_TURNED[field] if back else field for field in kept)


def part_of(whole: Flow, here: Flow, moved: frozenset[Field]) -> Flow | None:
    """Return the connections to which packets at a node belong, None if none does.

    A part of the header that was translated before says nothing of them, but for the protocol. Packets of an unbound
    socket have the source that they got.
    """
    if whole.source == NO_SOURCE:
        whole = replace(whole, source=here.source)
    kept = [field.name for field in FIELDS if field not in moved]
    parts = {name: meet(getattr(whole, name), getattr(here, name)) for name in kept}
    if SERVICE in moved:
        parts[SERVICE.name] = meet(whole.service, _with_ports(here.service, EVERY_PORT))
    return replace(whole, **parts) if all(parts.values()) else None


def narrowed(visit: Visit, part: Flow) -> Visit:
    """Return what a node knows of some of the connections only."""

    def within(flow: Flow) -> Flow:
        unbound = flow.source == NO_SOURCE
        kept = [field.name for field in FIELDS if field not in visit.moved and not (field is SOURCE and unbound)]
        return replace(flow, **{name: meet(getattr(flow, name), getattr(part, name)) for name in kept})

    return replace(visit, came=within(visit.came), end=visit.end._replace(flow=within(visit.end.flow)))


def untracked(packets: Flow, moved: frozenset[Field], part: Flow) -> Arrival:
    """Return packets at a node that knows nothing of their connections; of these those that go back may be any."""
    if packets.phase.back:
        return Arrival(packets, moved, lambda _: [part])
    return Arrival(packets, moved, lambda here: _parts(part, here, moved))


def _parts(whole: Flow, here: Flow, moved: frozenset[Field]) -> list[Flow]:
    part = part_of(whole, here, moved)
    return [] if part is None else [part]


def tracked(phase: Phase, visit: Visit, part: Flow) -> Iterator[Arrival]:
    """Return what follows first packets at a node that knows their connections, as its connection tracking sees it."""
    here = narrowed(visit, part)
    for first, sent in following(phase, here.came, here.end.flow):
        if sent is not None:
            yield Arrival(sent, visit.moved, _regions(part, first, sent, visit.moved))


def _regions(whole: Flow, first: Flow, sent: Flow, moved: frozenset[Field]) -> Regions:
    def regions(here: Flow) -> Iterator[Flow]:
        for part in parts_followed(first, sent, here):
            yield from _parts(whole, part, moved)

    return regions


def recognised(arrival: Arrival, packets: Flow) -> bool:
    """Whether packets that come to a node have the addresses which it waits for."""
    own = received(arrival.packets, NO_DEVICE)
    return all(meet(getattr(own, field.name), getattr(packets, field.name)) for field in (SOURCE, DESTINATION))
