"""A packet's way through chains and routes: pure, over observed or compiled state.

`flow` is what is known of packets: of a class of them, or of one. `conditions` and `matches` say whether a rule holds,
`targets` what its target does, `walk` leads packets through chains: these serve classes and single packets alike. For
one packet `tracer` leads from hook to hook, and `routing` between them by the `fib` of the node; `outcome` says what
the ends that it may come to agree on. `connection` follows what comes after a first packet. `reachability` says before
anything is read which rules matter for packets.
It may import kinds, netfilter.iptables, and the modules beside it.
"""

from netplan.trace.firewall.targets import Did
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import Flow
from netplan.trace.packet import Packet, PacketVerdict, Trace, entrance
from netplan.trace.reachability import Passing
from netplan.trace.routing import BRIDGE_CALLS, settings_of
from netplan.trace.tracer import Tracer, trace

__all__ = [
    "BRIDGE_CALLS",
    "Did",
    "Flow",
    "Packet",
    "PacketVerdict",
    "Passing",
    "Step",
    "Trace",
    "Tracer",
    "entrance",
    "settings_of",
    "trace",
]
