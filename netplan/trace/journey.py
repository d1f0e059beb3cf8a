"""The ways of packets from node to node: where they came in and left, and where they ended."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import Address
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import NO_DEVICE, SOURCE, Field, Flow, Phase
from netplan.trace.packet import End, PacketVerdict


class Ending(StrEnum):
    """Where a way ends: at a pod, at the node itself, or out of the cluster; at what stops it, or where it goes round.

    Or it is not known how it goes on: behind a node without a record, or a router that is no node, or behind more ways
    than are followed.
    """

    POD = "pod"
    NODE = "node"
    OUTSIDE = "outside"
    STOPPED = "stopped"
    LOOP = "loop"
    UNRECORDED = "unrecorded"
    ROUTER = "router"
    BOUND = "bound"


class Hop(Struct, frozen=True):
    """A node on the way: the packets as they came in there or are sent, and how they left.

    Where a tunnel took them, `carried` are the hops of the packets that it put them into.
    """

    host: str
    came: Flow
    end: End
    carried: tuple[Hop, ...] = ()

    @property
    def iif(self) -> str | None:
        """The device by which the packets came in, None if the node sends them."""
        return self.came.iif if self.came.iif != NO_DEVICE else None

    @property
    def oif(self) -> str | None:
        """The device by which the packets left, `lo` if they are for the node, None if they did not."""
        return self.end.flow.oif if self.end.flow.oif != NO_DEVICE else None

    @property
    def next_hop(self) -> Address | None:
        """The next hop, None where the destination is on-link or packets did not leave."""
        next_hop = self.end.flow.next_hop
        return next_hop if isinstance(next_hop, Address) else None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The rules and routes that touched the packets."""
        return self.end.trail

    def to_json(self) -> Json:
        """Return the hop as JSON values, with its steps."""
        return {
            "node": self.host,
            "iif": self.iif,
            "oif": self.oif,
            "next_hop": None if self.next_hop is None else str(self.next_hop),
            "steps": [{"at": step.at, "rule": step.rule, "effect": step.effect} for step in self.steps],
            "carried": [hop.to_json() for hop in self.carried],
        }


class Visit(Struct, frozen=True):
    """What a node's connection tracking knows of first packets: as they came, and what became of them there.

    `moved` are the parts of the header that nodes before it had translated.
    """

    host: str
    came: Flow
    end: End
    moved: frozenset[Field] = frozenset()


class Walk(Struct, frozen=True):
    """The way of packets of one phase, and the part of all connections that they belong to.

    `ended` is the node where the way ends, None where it leaves the cluster. `visits` are those of first packets, and
    `moved` the parts of the header that nodes translated.
    """

    part: Flow
    hops: tuple[Hop, ...]
    verdict: PacketVerdict
    ending: Ending
    ended: str | None
    visits: tuple[Visit, ...] = ()
    moved: frozenset[Field] = frozenset()

    @property
    def arrived(self) -> bool:
        """Whether the packets came to a pod, to a node, or out of the cluster."""
        return self.verdict is PacketVerdict.ACCEPT


class Leg(Struct, frozen=True):
    """What became of the packets of one phase, hop by hop."""

    phase: Phase
    walk: Walk


class Journey(Struct, frozen=True):
    """What becomes of a part of some connections.

    `legs` are the ways of the first packets, and of all that was followed after them. Where all arrives, `phase` is
    that of the first packets; else it is the phase of what does not arrive, whose way is the last leg.
    """

    flow: Flow
    legs: tuple[Leg, ...]
    phase: Phase = Phase.FIRST

    def to_json(self) -> Json:
        """Return the journey as JSON values: what becomes of the packets of a phase, and the ways of all phases."""
        return {
            "of": self.phase.value,
            "verdict": self.verdict.value,
            "ending": self.ending.value,
            "ended": self.ended,
            "source": None if self.source is None else str(self.source),
            "destination": None if self.destination is None else str(self.destination),
            "ways": [
                {
                    "of": leg.phase.value,
                    "verdict": leg.walk.verdict.value,
                    "hops": [hop.to_json() for hop in leg.walk.hops],
                }
                for leg in self.legs
            ],
        }

    @property
    def way(self) -> Walk:
        """The way of the packets of the phase."""
        return next(leg.walk for leg in reversed(self.legs) if leg.phase is self.phase)

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The nodes on that way."""
        return self.way.hops

    @property
    def verdict(self) -> PacketVerdict:
        """What becomes of the packets of the phase; replies that are accepted, but elsewhere, go astray."""
        return self.way.verdict

    @property
    def ended(self) -> str | None:
        """The node at which that way ends, None if it leaves the cluster."""
        return self.way.ended

    @property
    def ending(self) -> Ending:
        """Where that way ends."""
        return self.way.ending

    @property
    def steps(self) -> tuple[Step, ...]:
        """The rules and routes that touched the packets at the end, those of a tunnel's packets if they ended there."""
        hops = self.hops
        while hops and hops[-1].carried:
            hops = hops[-1].carried
        return hops[-1].steps if hops else ()

    @property
    def seen(self) -> Flow:
        """The first packets as they are where their way ends."""
        hops = self.legs[0].walk.hops
        return hops[-1].end.flow if hops else self.flow

    @property
    def source(self) -> Address | None:
        """The source of the first packets there, None if it may be one of several."""
        return self.seen.from_address

    @property
    def destination(self) -> Address | None:
        """Their destination there, None if it may be one of several."""
        return self.seen.to_address

    @property
    def source_kept(self) -> bool:
        """Whether the first packets have the source there with which they were sent."""
        return SOURCE not in self.legs[0].walk.moved or self.seen.sources == self.flow.source
