"""The packet that is traced, and the answer."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.resource import Json
from netplan.net import Address, Prefix
from netplan.netfilter.iptables.names import ICMP, ICMPV6
from netplan.trace.decision import PacketVerdict
from netplan.trace.fib import Fib
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import ANYWHERE, NO_DEVICE, Flow, Mark, single

_ECHO_REQUESTS: Final = {ICMP: (8, 0), ICMPV6: (128, 0)}


class Packet(Struct, frozen=True):
    """The first packet of a connection.

    `iif` is the device that it comes in by, None if this node sends it. A source of None, which is possible then, is
    the one that the kernel gives to an unbound socket. A protocol or port of None is not known: rules that ask for it
    may match. Of TCP it is the SYN, of ICMP an echo request. `mark` is the mark it has when it enters.
    """

    source: Address | None
    destination: Address
    protocol: int | None = ICMP
    sport: int | None = None
    dport: int | None = None
    mark: int = 0
    iif: str | None = None

    @property
    def version(self) -> int:
        """The packet's IP version."""
        return self.destination.version

    @property
    def flow(self) -> Flow:
        """The class of packets that holds this one alone."""
        return Flow(
            source=ANYWHERE[self.version] if self.source is None else single(self.source),
            destinations=(single(self.destination),),
            iif=NO_DEVICE if self.iif is None else self.iif,
            oif=NO_DEVICE,
            protocol=self.protocol,
            sport=self.sport,
            dport=self.dport,
            icmp_type=None if self.protocol is None else _ECHO_REQUESTS.get(self.protocol),
            mark=Mark.of(self.mark),
            connmark=Mark.of(0),
            dnat=False,
        )


def entrance(packet: Packet, fib: Fib, subnet: Prefix | None, bridge: str) -> Packet:
    """Return a packet with the device that it comes in by, which its source decides; ValueError if that is unknown.

    A source of the node itself: the node sends it. One of its pod subnet: the bridge. Else the device towards it.
    """
    source = packet.source
    if source is None or fib.holder(source) is not None:
        return replace(packet, iif=None)
    if subnet is not None and subnet.contains(source):
        return replace(packet, iif=bridge)
    route = fib.route_to(source)
    device = None if route is None else route.oif or next((hop.oif for hop in route.hops), None)
    if device is None:
        raise ValueError(f"no route leads to {source}: the device it comes in by is unknown")
    return replace(packet, iif=device)


class Trace(Struct, frozen=True):
    """What becomes of a packet: as it leaves the node, or as it is where its way ends.

    Each of `source`, `destination`, `oif` and `next_hop` is None where it is not known or there is none: a packet for
    this node has the device `lo`, one whose destination is on-link no next hop. `steps` are the rules and routes that
    touched the packet. Where anything is not known, `doubt` is the step that made it so, and the last of the steps.
    """

    verdict: PacketVerdict
    source: Address | None
    destination: Address | None
    oif: str | None
    next_hop: Address | None
    steps: tuple[Step, ...]
    doubt: Step | None = None

    def to_json(self, *, steps: bool = True) -> Json:
        """Return the trace as JSON values, with its steps or without."""
        fields = ("source", "destination", "oif", "next_hop")
        data = {"verdict": self.verdict.value} | {
            name: None if getattr(self, name) is None else str(getattr(self, name)) for name in fields
        }
        if not steps:
            return data
        return data | {"steps": [{"at": step.at, "rule": step.rule, "effect": step.effect} for step in self.steps]}
