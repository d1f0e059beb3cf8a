"""Which rules packets may meet, said before the rules further on are known: for who reads only what matters.

Until it is read it is unknown what a rule does, so only that counts of a packet which no rule changes before the chain
where it is asked for. Marks and conntrack's state never count. Destinations change behind nat PREROUTING and nat
OUTPUT, and sources behind nat POSTROUTING, where the way ends but for what a node sends to itself.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.chain.value import ChainKey
from netplan.netfilter.iptables.rule import Rule
from netplan.trace.firewall.conditions import holds
from netplan.trace.flow import ANYWHERE, UNKNOWN_MARK, Flow, Holds
from netplan.trace.packet import Packet


class Passing(Struct, frozen=True):
    """Says which rules some packets may meet (`netplan.kinds.chain.reach.Follows`)."""

    packets: frozenset[Packet]

    def __call__(self, hook: ChainKey, rule: Rule) -> bool:
        """Whether some of the packets that entered at a built-in chain may be led on by a rule."""
        return any(holds(rule, flow) is not Holds.NEVER for flow in _flows(self.packets, hook))

    def __or__(self, other: Passing) -> Passing:
        """Follow the packets of both."""
        return Passing(self.packets | other.packets)


@lru_cache(maxsize=32)
def _flows(packets: frozenset[Packet], hook: ChainKey) -> frozenset[Flow]:
    """Return the classes of packets as they may be at a hook; none of those that never come there."""
    mine = (packet for packet in packets if packet.version == hook.version)
    flows = (_sent(packet, *hook[1:]) if packet.iif is None else _came(packet, hook.name) for packet in mine)
    return frozenset(flow for flow in flows if flow is not None)


def _came(packet: Packet, hook: str) -> Flow | None:
    """Return a packet that came by a device, as it may be at a hook."""
    if hook == "OUTPUT":
        return None
    here = _blurred(packet, hook)
    return here if hook == "PREROUTING" else _redirected(replace(here, iif=None, oif=None))


def _sent(packet: Packet, table: str, hook: str) -> Flow | None:
    """Return a packet that this node sends, as it may be at a hook.

    One to itself comes in again, with any addresses, and passes table nat no more.
    """
    if hook == "FORWARD" or (table == "nat" and hook in ("PREROUTING", "INPUT")):
        return None
    here = replace(_blurred(packet, hook), iif=None, oif=None)
    if hook == "OUTPUT":
        return here
    return _redirected(here if hook == "POSTROUTING" else replace(here, source=ANYWHERE[packet.version], sport=None))


def _blurred(packet: Packet, hook: str) -> Flow:
    """Return a packet without what rules may have set."""
    return replace(packet.flow, hook=hook, mark=UNKNOWN_MARK, connmark=UNKNOWN_MARK, dnat=None)


def _redirected(flow: Flow) -> Flow:
    """Return packets that may have got another destination."""
    return replace(flow, destinations=(ANYWHERE[flow.version],), dport=None)
