"""A route as the kernel's FIB keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import Address, IfName, Prefix

PROTOCOL: Final = 112
KERNEL: Final = 2
"""The protocol of routes that the kernel makes itself, for the addresses of devices (RTPROT_KERNEL)."""
ANNOUNCED: Final = 9
"""The protocol of routes that routers announce (RTPROT_RA)."""
MAIN_TABLE: Final = 254
USUAL_METRIC: Final = {4: 0, 6: 1024}
"""The metric, by IP version, of a route that is made without one (net/ipv6/route.c: IP6_RT_PRIO_USER)."""

# iproute2's etc/iproute2/rt_protos: who installs routes under which number.
_INSTALLERS: Final = {
    2: "the kernel",
    3: "a person or a script (protocol boot; flannel's routes too)",
    4: "a person (protocol static)",
    9: "a router's announcement",
    11: "zebra",
    12: "bird",
    16: "dhcp",
    42: "babel",
    80: "Calico's bird",
    112: "podnet",
    186: "FRR's bgp",
    188: "FRR's ospf",
}


class RouteKey(Struct, frozen=True, order=True):
    """What the FIB indexes a route by; of several routes of one key packets go by the first."""

    table: int
    prefix: Prefix
    tos: int
    metric: int


class Hop(Struct, frozen=True):
    """One of the ways that a route may choose, with its weight among them."""

    oif: IfName | None
    next_hop: Address | None
    weight: int = 1
    onlink: bool = False

    def __str__(self) -> str:
        words = ["nexthop", *_way(self.oif, self.next_hop), "weight", str(self.weight)]
        return " ".join([*words, "onlink"] if self.onlink else words)

    def to_json(self) -> Json:
        """Return the values as `ip -j route` names them."""
        gateway = None if self.next_hop is None else str(self.next_hop)
        data: dict[str, Any] = {"gateway": gateway, "dev": self.oif, "weight": self.weight}
        if self.onlink:
            data["flags"] = ["onlink"]
        return data

    @classmethod
    def from_json(cls, data: Json) -> Hop:
        """Read what `to_json` gave."""
        onlink = "onlink" in data.get("flags", ())
        return cls(_device(data["dev"]), _address(data["gateway"]), int(data["weight"]), onlink)


class Route(Struct, frozen=True):
    """A route: `protocol` says who installed it (rtnetlink(7), rtm_protocol), `type` is unicast, blackhole or such.

    `prefsrc` is the source of what this node sends by it. A route of several `hops` has no `oif` or `next_hop` itself.
    One with a `tos` is for packets that carry it. The next hop of an `onlink` route is taken to be on-link, whatever
    addresses the device has.
    """

    kind: ClassVar[str] = "route"

    prefix: Prefix
    oif: IfName | None = None
    next_hop: Address | None = None
    table: int = MAIN_TABLE
    metric: int = 0
    protocol: int = PROTOCOL
    type: str = "unicast"
    prefsrc: Address | None = None
    hops: tuple[Hop, ...] = ()
    tos: int = 0
    onlink: bool = False

    @property
    def key(self) -> RouteKey:
        """What the kernel indexes the route by."""
        return RouteKey(self.table, self.prefix, self.tos, self.metric)

    @property
    def label(self) -> str:
        """The route's prefix, and the TOS, metric or table where it is not the default."""
        tos = f" tos {self.tos:#x}" if self.tos else ""
        metric = f" metric {self.metric}" if self.metric else ""
        table = f" table {self.table}" if self.table != MAIN_TABLE else ""
        return f"{self.prefix}{tos}{metric}{table}"

    @property
    def ours(self) -> bool:
        """Whether podnet installed the route."""
        return self.protocol == PROTOCOL

    @property
    def connected(self) -> bool:
        """Whether the kernel keeps the route for an address of a device: it comes and goes with that."""
        return self.protocol == KERNEL

    @property
    def by_gateway(self) -> bool:
        """Whether the route leads to a gateway, or several: of IPv6 the kernel keeps those of one key as one."""
        return self.next_hop is not None or any(hop.next_hop is not None for hop in self.hops)

    @property
    def installer(self) -> str:
        """Whose the route looks like."""
        return _INSTALLERS.get(self.protocol, f"protocol {self.protocol}")

    def __str__(self) -> str:
        words = [] if self.type == "unicast" else [self.type]
        words.append(str(self.prefix))
        if self.tos:
            words.append(f"tos {self.tos:#x}")
        words += _way(self.oif, self.next_hop)
        if self.prefsrc is not None:
            words.append(f"src {self.prefsrc}")
        if self.metric:
            words.append(f"metric {self.metric}")
        if self.table != MAIN_TABLE:
            words.append(f"table {self.table}")
        if self.onlink:
            words.append("onlink")
        return " ".join([*words, *map(str, self.hops)])

    def to_json(self) -> Json:
        """Return the route as JSON values, under the names of `ip -j route`."""
        data: dict[str, Any] = {
            "type": self.type,
            "dst": str(self.prefix),
            "gateway": None if self.next_hop is None else str(self.next_hop),
            "dev": self.oif,
            "table": self.table,
            "metric": self.metric,
            "protocol": self.protocol,
        }
        if self.tos:
            data["tos"] = self.tos
        if self.prefsrc is not None:
            data["prefsrc"] = str(self.prefsrc)
        if self.onlink:
            data["flags"] = ["onlink"]
        if self.hops:
            data["nexthops"] = [hop.to_json() for hop in self.hops]
        return data

    @classmethod
    def from_json(cls, data: Json) -> Route:
        """Read what `to_json` gave."""
        return cls(
            prefix=Prefix.parse(str(data["dst"])),
            oif=None if data["dev"] is None else IfName(str(data["dev"])),
            next_hop=None if data["gateway"] is None else Address.parse(str(data["gateway"])),
            table=int(data["table"]),
            metric=int(data["metric"]),
            protocol=int(data["protocol"]),
            type=str(data["type"]),
            prefsrc=_address(data.get("prefsrc")),
            hops=tuple(map(Hop.from_json, data.get("nexthops", ()))),
            tos=int(data.get("tos", 0)),
            onlink="onlink" in data.get("flags", ()),
        )


def _way(oif: IfName | None, next_hop: Address | None) -> Iterator[str]:
    if next_hop is not None:
        yield f"via {next_hop}"
    if oif is not None:
        yield f"dev {oif}"


def _address(text: str | None) -> Address | None:
    return None if text is None else Address.parse(text)


def _device(text: str | None) -> IfName | None:
    return None if text is None else IfName(str(text))
