"""What holds of packets of a set: which end of the set each may come to, and whether that is like its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from netplan.netfilter.iptables.names import ICMP, ICMPV6, TCP, UDP
from netplan.trace import Flow, Packet, PacketVerdict
from netplan.trace.flow import FIELDS, NO_DEVICE, Mark, services
from netplan.trace.intervals import Intervals, contains, join, only
from netplan.trace.packet import ECHO_REQUESTS, End

_ICMP: Final = {4: ICMP, 6: ICMPV6}
UNMARKED: Final = Mark.of(0)


def first_packets(flow: Flow, mark: Mark = UNMARKED) -> Flow:
    """Return packets of TCP, UDP and echo requests, as the first ones of connections."""
    icmp = _ICMP[flow.version]
    service = join(services([TCP, UDP]), services([icmp], only(ECHO_REQUESTS[icmp])))
    return replace(flow, service=service, oif=NO_DEVICE, mark=mark, connmark=Mark.of(0), dnat=False)


def holds(flow: Flow, packet: Packet) -> bool:
    """Whether a flow holds a packet, by what that came with."""
    alone = packet.flow
    return all(contains(getattr(flow, field.name), getattr(alone, field.name)[0]) for field in FIELDS)


def holding(ends: Iterable[End], packet: Packet) -> list[End]:
    """Return the ends that a packet may come to, of those of a set that holds it."""
    return [end for end in ends if holds(end.flow, packet)]


def stands_for(end: End, one: End) -> bool:
    """Whether an end of a set leaves open what becomes of a packet, or says so of it."""
    return end.verdict is PacketVerdict.UNKNOWN or _is_like(end, one)


def outcome(end: End) -> tuple[object, ...]:
    """Return what an end says of all its packets alike."""
    return end.verdict, end.flow.oif, end.flow.snat, end.phase


def _is_like(end: End, one: End) -> bool:
    labels = (end.verdict, end.flow.oif, end.flow.next_hop, end.flow.snat, end.phase)
    if labels != (one.verdict, one.flow.oif, one.flow.next_hop, one.flow.snat, one.phase):
        return False
    names = [field.new for field in FIELDS[:2]]
    return all(_within(getattr(one.flow, name), getattr(end.flow, name)) for name in names)


def _within(addresses: Intervals | None, others: Intervals | None) -> bool:
    if addresses is None or others is None:
        return addresses is None and others is None
    return join(addresses, others) == others
