"""Which rules packets may meet, said before the rules further on are known: for who reads only what matters.

Until it is read it is unknown what a rule does, so only that counts of a packet which no rule changes before the chain
where it is asked for. Marks and conntrack's state never count. Destinations change behind nat PREROUTING and nat
OUTPUT, and sources behind nat POSTROUTING, where the way ends but for what a node sends to itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.chain.value import ChainKey
from netplan.netfilter.iptables.rule import Rule
from netplan.trace.firewall.conditions import holds
from netplan.trace.flow import NO_DEVICE, NO_SOURCE, Flow, Holds, Phase
from netplan.trace.intervals import EVERY_ADDRESS, EVERY_PORT, pairs_of, union
from netplan.trace.packet import Packet


class Passing(Struct, frozen=True):
    """Says which rules some packets may meet (`netplan.kinds.chain.reach.Follows`)."""

    flows: frozenset[Flow]

    @classmethod
    def of(cls, packets: Iterable[Packet]) -> Passing:
        """Follow single packets."""
        return cls(frozenset(packet.flow for packet in packets))

    def __call__(self, hook: ChainKey, rule: Rule) -> bool:
        """Whether some of the packets that entered at a built-in chain may be led on by a rule."""
        return any(holds(rule, flow) is not Holds.NEVER for flow in _at_hook(self.flows, hook))

    def __or__(self, other: Passing) -> Passing:
        """Follow the packets of both."""
        return Passing(self.flows | other.flows)


@lru_cache(maxsize=32)
def _at_hook(flows: frozenset[Flow], hook: ChainKey) -> frozenset[Flow]:
    """Return packets as they may be at a hook; none of those that never come there."""
    mine = (flow for flow in flows if flow.version == hook.version)
    there = (_sent(flow, *hook[1:]) if flow.iif == NO_DEVICE else _came(flow, *hook[1:]) for flow in mine)
    return frozenset(flow for flow in there if flow is not None)


def _came(flow: Flow, table: str, hook: str) -> Flow | None:
    """Return packets that came by a device, as they may be at a hook; replies may be sent too, and do not meet nat."""
    first = flow.phase is Phase.FIRST
    if (table == "nat" and not first) or (hook == "OUTPUT" and first):
        return None
    here = _blurred(flow, hook)
    return here if hook == "PREROUTING" else _redirected(replace(here, iif=None, oif=None))


def _sent(flow: Flow, table: str, hook: str) -> Flow | None:
    """Return packets that this node sends, as they may be at a hook.

    Those to itself come in again, with any addresses, and pass table nat no more.
    """
    if hook == "FORWARD" or (table == "nat" and hook in ("PREROUTING", "INPUT")):
        return None
    here = replace(_blurred(flow, hook), iif=None, oif=None)
    if hook == "OUTPUT":
        return here
    resourced = replace(here, source=EVERY_ADDRESS[flow.version], sport=EVERY_PORT)
    return _redirected(here if hook == "POSTROUTING" else resourced)


def _blurred(flow: Flow, hook: str) -> Flow:
    """Return packets without what rules may have set."""
    source = EVERY_ADDRESS[flow.version] if flow.source == NO_SOURCE else flow.source
    return replace(flow.blurred(), source=source, hook=hook, dnat=None)


def _redirected(flow: Flow) -> Flow:
    """Return packets that may have got another destination."""
    service = union((first >> 16 << 16, last | 0xFFFF) for first, last in pairs_of(flow.service))
    return replace(flow, destination=EVERY_ADDRESS[flow.version], service=service)
