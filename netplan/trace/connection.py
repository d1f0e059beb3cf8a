"""What follows the first packets of connections: later ones, replies, and what routers on the way say of their size.

These have the addresses and ports that conntrack gives them (net/netfilter/nf_nat_core.c, nf_nat_packet). A port that
NAT chose is taken for one as it was before: the kernel keeps it where it can.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from netplan.netfilter.iptables.names import ICMP, ICMPV6
from netplan.trace.addresses import LOOPBACK
from netplan.trace.firewall.walk import doubts
from netplan.trace.flow import (
    FIELDS,
    NO_DEVICE,
    NO_SOURCE,
    REPLYING,
    UNTRACKED,
    Flow,
    Mark,
    Phase,
    Translation,
    Various,
    services,
)
from netplan.trace.intervals import EVERY_ADDRESS, EVERY_PORT, Intervals, join, meet, minus, only, pairs_of
from netplan.trace.packet import End, Packet, PacketVerdict, Trace
from netplan.trace.table import Way

_ECHO: Final = {ICMP: (8 << 8, 0), ICMPV6: (128 << 8, 129 << 8)}
_TOO_BIG: Final = {4: services([ICMP], only(3 << 8 | 4)), 6: services([ICMPV6], only(2 << 8))}
"""Fragmentation needed (RFC 792), packet too big (RFC 4443)."""

Ends = Callable[[Flow], Iterable[End]]


def followed(came: Flow, first: End, ends: Ends) -> Iterator[End]:
    """Return what may become of connections: where all that follows their first packets arrives, the end of these.

    Else it is the end of what does not arrive, with the device and next hop by which that leaves. Replies have to leave
    by the device that the first packets `came` by. `ends` says what may become of any packets.
    """
    arrived = [first]
    for phase in (Phase.LATER, Phase.REPLY, Phase.ERROR) if may_be_followed(came, first) else ():
        here, arrived = arrived, []
        for end in here:
            for part, sent in following(phase, came, end.flow):
                for after in _ended(came, end._replace(flow=part), sent, ends):
                    if after.phase is Phase.FIRST:
                        arrived.append(after)
                    else:
                        yield after
    yield from arrived


def arrival(packet: Packet, ends: Iterable[End], wanted: Way | None) -> Trace | None:
    """Return what becomes of one of the connections whose ends these are, if it certainly comes to its destination.

    The steps tell of all connections of its end; those that leave as is `wanted` of each do so by its own way.
    None if it has to be traced by itself.
    """
    mine = [end for end in ends if _has(end.flow, packet.flow)]
    if len(mine) != 1 or mine[0].verdict is not PacketVerdict.ACCEPT or mine[0].phase is not Phase.FIRST:
        return None
    (end,) = mine
    flow, next_hop = end.flow, end.flow.next_hop
    if next_hop is Various.WANTED and wanted is not None and wanted.oif == flow.oif:
        next_hop = wanted.next_hop
    source = packet.source if flow.new_source is None else flow.from_address
    unmoved = flow.new_destination is None and not doubts(end.trail)
    if source is None or isinstance(next_hop, Various) or not unmoved:
        return None
    return Trace(end.verdict, source, packet.destination, flow.oif, next_hop, end.trail)


def _has(flow: Flow, other: Flow) -> bool:
    """Whether a flow holds all packets of another one, by the header with which they came."""
    return all(not minus(getattr(other, field.name), getattr(flow, field.name)) for field in FIELDS)


def answers(flows: Iterable[Flow]) -> Iterator[Flow]:
    """Return all that may come back to packets of each IP version, by any device, to whatever NAT made of a source."""
    sources: dict[int, Intervals] = {}
    service: dict[int, Intervals] = {}
    for flow in flows:
        version = flow.version
        sources[version] = join(sources.get(version, ()), flow.destination)
        protocols = [protocol for protocol, _ in ports_of(flow.service)]
        service[version] = join(service.get(version, _TOO_BIG[version]), services(protocols))
    for version, source in sources.items():
        yield Flow(version, source, EVERY_ADDRESS[version], service=service[version], phase=Phase.REPLY)


def may_be_followed(came: Flow, first: End) -> bool:
    """Whether first packets arrived, and left the node or came from elsewhere."""
    return first.verdict is PacketVerdict.ACCEPT and (came.iif, first.flow.oif) != (NO_DEVICE, LOOPBACK)


def following(phase: Phase, came: Flow, first: Flow) -> Iterator[tuple[Flow, Flow | None]]:
    """Divide connections, with what follows in each part, None if nothing does."""
    if phase is Phase.LATER:
        yield first, _later(came, first)
    elif phase is Phase.REPLY:
        apart = REPLYING if first.state == UNTRACKED else _ECHO
        for protocols, ports in _by_protocol(first.service, apart):
            part = replace(first, service=services(protocols, ports))
            yield part, _reply(part, protocols, ports)
    else:
        routed = first.oif not in (LOOPBACK, came.iif)
        yield first, _back(first, phase, EVERY_PORT, _TOO_BIG[first.version]) if routed else None


def _ended(came: Flow, first: End, sent: Flow | None, ends: Ends) -> Iterator[End]:
    """Return what may become of connections by what may become of packets that follow."""
    possible = [] if sent is None else list(ends(sent))
    if sent is None or all(_arrives(came, first.flow, end) for end in possible):
        yield first
        return
    for end in possible:
        steps = tuple(step for step in end.trail if not step.certain)
        for part in parts_followed(first.flow, sent, end.flow):
            if _arrives(came, first.flow, end):
                yield End(PacketVerdict.ACCEPT, part, first.trail + steps)
            else:
                astray = replace(part, oif=end.flow.oif, next_hop=end.flow.next_hop)
                before = tuple(step for step in first.trail if not step.certain)
                yield End(end.verdict, astray, before + end.trail, sent.phase)


def _arrives(came: Flow, first: Flow, end: End) -> bool:
    """Whether what follows comes to where it should, with the addresses that it should have."""
    flow = end.flow
    if end.verdict is not PacketVerdict.ACCEPT:
        return False
    if flow.phase is Phase.LATER:
        return (flow.oif, flow.next_hop) == (first.oif, first.next_hop)
    translated = flow.new_source is not None or flow.new_destination is not None
    return flow.oif == (came.iif or LOOPBACK) and not translated


def _later(came: Flow, first: Flow) -> Flow:
    return replace(
        came,
        source=came.source if came.source == NO_SOURCE else first.source,
        destination=first.destination,
        sport=first.sport,
        service=first.service,
        connmark=first.connmark,
        dnat=first.dnat,
        snat=first.snat,
        phase=Phase.LATER,
        translation=_tracked(
            first, Translation(first.new_source, first.new_sport, first.new_destination, first.new_dport)
        ),
    )


def _reply(first: Flow, protocols: list[int], ports: Intervals) -> Flow | None:
    """Return the replies to packets of some protocols; of ICMP only echo requests have some."""
    if protocols[0] in _ECHO:
        request, reply = _ECHO[protocols[0]]
        answered = ports == only(request)
        return _back(first, Phase.REPLY, EVERY_PORT, services(protocols, only(reply))) if answered else None
    reply_flow = _back(first, Phase.REPLY, ports, services(protocols, first.sport))
    dport = first.sport if first.new_sport == EVERY_PORT else first.new_sport
    return replace(reply_flow, new_sport=first.new_dport, new_dport=dport)


def _back(first: Flow, phase: Phase, sport: Intervals, service: Intervals) -> Flow:
    """Return packets from where the first ones went to where they came from, as they come in or are sent."""
    return replace(
        first.turned(),
        sport=sport,
        service=service,
        new_sport=None,
        new_dport=None,
        iif=NO_DEVICE if first.oif == LOOPBACK else first.oif,
        oif=NO_DEVICE,
        other_oif=False,
        hook=None,
        mark=Mark.of(0),
        state=None,
        next_hop=None,
        phase=phase,
        translation=_tracked(first, Translation()),
    )


def _tracked(first: Flow, translation: Translation) -> Translation | None:
    return None if first.state == UNTRACKED else translation


def parts_followed(first: Flow, sent: Flow, end: Flow) -> Iterator[Flow]:
    """Return the connections that packets belong to which follow: those of `first` to which an end of `sent` came."""
    if not sent.phase.back:
        source = first.source if sent.source == NO_SOURCE else end.source
        yield replace(first, source=source, destination=end.destination, sport=end.sport, service=end.service)
        return
    whole = replace(first, source=end.destination, destination=end.source)
    if (end.sport, end.service) == (sent.sport, sent.service):
        yield whole
        return
    for protocols, ports in _by_protocol(end.service, _ECHO):
        sport = first.sport if ports == dict(ports_of(sent.service))[protocols[0]] else ports
        dports = EVERY_PORT if end.sport == sent.sport else end.sport
        yield replace(whole, sport=sport, service=meet(first.service, services(protocols, dports)))


def _by_protocol(service: Intervals, apart: Container[int]) -> Iterator[tuple[list[int], Intervals]]:
    """Return protocols, those together that have the same ports, but for some by themselves."""
    alike: dict[tuple[int, Intervals], list[int]] = {}
    for protocol, ports in ports_of(service):
        alike.setdefault((protocol if protocol in apart else 0, ports), []).append(protocol)
    return ((protocols, ports) for (_, ports), protocols in alike.items())


def ports_of(service: Intervals) -> Iterator[tuple[int, Intervals]]:
    """Return the protocols of services, and the ports of each."""
    ports: dict[int, Intervals] = {}
    for first, last in pairs_of(service):
        for protocol in range(first >> 16, (last >> 16) + 1):
            start = first & 0xFFFF if protocol == first >> 16 else 0
            stop = last & 0xFFFF if protocol == last >> 16 else 0xFFFF
            ports[protocol] = join(ports.get(protocol, ()), (start, stop))
    return iter(ports.items())
