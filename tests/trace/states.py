"""States of a node for traces; what a test does not name is a plain node that forwards, with pods on docker0."""

from __future__ import annotations

from netplan.kinds.address.value import UNIVERSE, LinkAddress
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import MAIN_TABLE, Hop, Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.forwarding import IP_FORWARD
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.trace import BRIDGE_CALLS, Packet, Trace, settings_of, trace
from tests import make

SETTINGS = {IP_FORWARD: "1", BRIDGE_CALLS[4]: "1"} | {
    name: "0" for device in ("all", "eth0", "docker0") for name in settings_of(device)
}
ADDRESSES = ("127.0.0.1/8 lo", "10.4.7.21/24 eth0", "172.7.21.1/24 docker0")
ROUTES = (
    "0.0.0.0/0 via 10.4.7.254 dev eth0",
    "10.4.7.0/24 dev eth0 src 10.4.7.21",
    "172.7.21.0/24 dev docker0 src 172.7.21.1",
    "172.7.22.0/24 via 10.4.7.22 dev eth0",
)
DEVICES = {"172.7.21": "docker0"}
"""By which device packets come in, by the start of their source; others by eth0."""


def state(saved="", *, addresses=(), routes=(), **settings) -> Snapshot:
    """Make a state; `saved` is as iptables-save prints it, settings have `__` for a dot and None if not known."""
    values = SETTINGS | {name.replace("__", "."): value for name, value in settings.items()}
    return Snapshot.of(
        FirewallBackend.NFT,
        [
            *(Link(IfName(name), 1500, up=True, type=kind) for name, kind in (("eth0", "veth"), ("docker0", "bridge"))),
            *map(address, (*ADDRESSES, *addresses)),
            *map(route, (*ROUTES, *routes)),
            *(Sysctl(name, value) for name, value in values.items() if value is not None),
            *make.chains(saved),
        ],
    )


def address(text: str) -> LinkAddress:
    """Read `10.4.7.21/24 eth0`, with a scope behind it if it is not global."""
    carried, device, *scope = text.split()
    return LinkAddress(IfName(device), InterfaceAddress.parse(carried), int(scope[0]) if scope else UNIVERSE)


def route(text: str) -> Route:
    """Read a route as `ip route` takes it, with hops as `nexthop:ADDRESS`."""
    words = text.split()
    kind = words.pop(0) if not words[0][0].isdigit() else "unicast"
    prefix, hops = words.pop(0), [word.removeprefix("nexthop:") for word in words if word.startswith("nexthop:")]
    given = dict(zip(words[::2], words[1::2], strict=False)) if not hops else {}
    return Route(
        Prefix.parse(prefix),
        IfName(given["dev"]) if "dev" in given else None,
        Address.parse(given["via"]) if "via" in given else None,
        table=int(given.get("table", MAIN_TABLE)),
        metric=int(given.get("metric", 0)),
        tos=int(given.get("tos", 0)),
        type=kind,
        prefsrc=Address.parse(given["src"]) if "src" in given else None,
        hops=tuple(Hop(IfName("eth0"), Address.parse(hop)) for hop in hops),
    )


def packet(source, destination, *, sport=None, dport=None, protocol=1, mark=0, iif="") -> Packet:
    """Make a packet; a source of None or of the node is sent by it, others come in where they should."""
    own = source is None or any(address.startswith(f"{source}/") for address in ADDRESSES)
    device = iif or (None if own else DEVICES.get(str(source)[:8], "eth0"))
    sender = None if source is None else Address.parse(source)
    return Packet(sender, Address.parse(destination), protocol, sport, dport, mark, device)


def traced(snapshot: Snapshot, source, destination, **options) -> Trace:
    """Trace one packet."""
    return trace(snapshot, packet(source, destination, **options))


def outcome(snapshot: Snapshot, source, destination, **options) -> str:
    """Return a trace in words: `accept 172.7.21.2 -> 8.8.8.8 dev eth0 via 10.4.7.254`."""
    result = traced(snapshot, source, destination, **options)
    way = f" dev {result.oif}" if result.oif else ""
    hop = f" via {result.next_hop}" if result.next_hop else ""
    return f"{result.verdict} {result.source} -> {result.destination}{way}{hop}"


def rules(*lines: str) -> str:
    """Write tables as iptables-save does, from `nat POSTROUTING -j ACCEPT` and `filter :FORWARD DROP`."""
    text = [
        line
        for table, hooks in BUILT_IN_BY_TABLE.items()
        for line in (f"*{table}", *(f":{hook} ACCEPT" for hook in hooks))
    ]
    for line in lines:
        table, _, rest = line.partition(" ")
        text += [f"*{table}", rest if rest.startswith(":") else f"-A {rest}"]
    return "\n".join(text)
