"""A network device as podnet looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, ClassVar, Final

from msgspec import Struct

from netplan.kinds.resource import Json, Resource
from netplan.net import Address, IfName, LinkLayerAddress, link_layer_address

ALIAS = "podnet"
VXLAN: Final = "vxlan"
BRIDGE: Final = "bridge"
OVERHEAD: Final = {4: 50, 6: 70}
"""What VXLAN puts around a packet, in bytes, by the IP version of the underlay: Ethernet, VXLAN, UDP, IP.

The kernel allows no larger MTU.
"""

# What programs call the vxlan devices that they make.
_INSTALLERS: Final = {
    "flannel.": "flannel's by its name",
    "vxlan.calico": "Calico's by its name",
    "vxlan-v6.calico": "Calico's by its name",
    "cilium_": "Cilium's by its name",
    "antrea": "Antrea's by its name",
}


class Vxlan(Struct, frozen=True):
    """What a VXLAN device is made with: `local` is the source of its packets, `device` the one that they leave by.

    A kernel holds one device of a VNI and port. An `exclusive` one takes packets in another way than ours, as
    `external` ones do, and shares its port with none of ours. None of this is changed while the device exists.
    """

    vni: int
    port: int
    local: Address | None
    device: IfName | None
    learning: bool = False
    exclusive: bool = False

    def shut_out_by(self, other: Link) -> bool:
        """Whether the kernel refuses the device its port as long as another one, which is up, exists."""
        if other.vxlan is None or not (other.up and other.vxlan.exclusive and other.vxlan.port == self.port):
            return False
        versions = {local.version for local in (self.local, other.vxlan.local) if local is not None}
        return len(versions) < 2

    @property
    def overhead(self) -> int:
        """How many bytes the device puts around a packet."""
        return OVERHEAD[4 if self.local is None else self.local.version]

    def __str__(self) -> str:
        return " ".join(["vxlan", *self._words()])

    def _words(self) -> Iterator[str]:
        yield f"id {self.vni}"
        if self.local is not None:
            yield f"local {self.local}"
        if self.device is not None:
            yield f"dev {self.device}"
        yield f"dstport {self.port}"
        if not self.learning:
            yield "nolearning"

    def to_json(self) -> Json:
        """Return the properties as JSON values, under the names of `ip -d -j link`."""
        data = {
            "id": self.vni,
            "port": self.port,
            "local": None if self.local is None else str(self.local),
            "link": self.device,
            "learning": self.learning,
        }
        return data | {"exclusive": True} if self.exclusive else data

    @classmethod
    def from_json(cls, data: Json) -> Vxlan:
        """Read what `to_json` gave."""
        local, device = data["local"], data["link"]
        return cls(
            vni=int(data["id"]),
            port=int(data["port"]),
            local=None if local is None else Address.parse(str(local)),
            device=None if device is None else IfName(str(device)),
            learning=bool(data["learning"]),
            exclusive=bool(data.get("exclusive", False)),
        )


class Link(Struct, frozen=True):
    """A network device: `mtu` in bytes; `alias` is the one that `ip link set alias` gives.

    `type` is the one that `ip link add type` gives, "" for hardware, None where a record does not tell. The address and
    the properties of a VXLAN device are known, those of others are None.
    """

    kind: ClassVar[str] = "link"

    name: IfName
    mtu: int
    up: bool
    alias: str = ""
    type: str | None = None
    lladdr: LinkLayerAddress | None = None
    vxlan: Vxlan | None = None

    @property
    def key(self) -> IfName:
        """The name, unique in a network namespace."""
        return self.name

    @property
    def label(self) -> str:
        """The device's name."""
        return self.name

    @property
    def ours(self) -> bool:
        """Whether podnet made the device."""
        return self.alias == ALIAS

    @property
    def installer(self) -> str:
        """Whose the device looks like."""
        return next(
            (installer for start, installer in _INSTALLERS.items() if self.name.startswith(start)), "another program's"
        )

    @property
    def settings(self) -> tuple[str, ...]:
        """The parameters that podnet sets or looks at while the device is there: they go with it."""
        name = self.name.replace(".", "/")
        return (f"net.ipv4.conf.{name}.rp_filter", f"net.ipv6.conf.{name}.accept_ra")

    def can_become(self, other: Link) -> bool:
        """Whether the device can be changed into another one in place; else a new one must take its name."""
        return (self.type, self.vxlan) == (other.type, other.vxlan)

    def fixed_unlike(self, other: Link) -> str:
        """Name what stands against that, in one or more words."""
        if self.vxlan is None or other.vxlan is None:
            return "type"
        mine, others = self.vxlan.to_json(), other.vxlan.to_json()
        return ", ".join(name for name in mine if mine[name] != others[name])

    def excludes(self, other: Link) -> bool:
        """Whether the kernel does not let the two devices exist at once: they receive the same packets."""
        if self.vxlan is None or other.vxlan is None:
            return False
        return (self.vxlan.vni, self.vxlan.port) == (other.vxlan.vni, other.vxlan.port)

    def __str__(self) -> str:
        words = [self.name, f"mtu {self.mtu}", "up" if self.up else "down"]
        words += [str(part) for part in (self.lladdr, self.vxlan) if part is not None]
        return " ".join(words)

    def to_json(self) -> Json:
        """Return the device as JSON values."""
        data: dict[str, Any] = {"name": self.name, "mtu": self.mtu, "up": self.up, "alias": self.alias}
        if self.type is not None:
            data["type"] = self.type
        if self.lladdr is not None:
            data["address"] = self.lladdr
        return data if self.vxlan is None else {**data, **self.vxlan.to_json()}

    @classmethod
    def from_json(cls, data: Json) -> Link:
        """Read what `to_json` gave."""
        return cls(
            name=IfName(str(data["name"])),
            mtu=int(data["mtu"]),
            up=bool(data["up"]),
            alias=str(data["alias"]),
            type=None if data.get("type") is None else str(data["type"]),
            lladdr=None if data.get("address") is None else link_layer_address(str(data["address"])),
            vxlan=Vxlan.from_json(data) if "id" in data else None,
        )


def derived_lladdr(address: Address) -> LinkLayerAddress:
    """Derive a locally administered link-layer address from a node's address; of an IPv6 one, from its hash."""
    tail = address.packed if address.version == 4 else sha256(address.packed).digest()[:4]
    return LinkLayerAddress(f"0e:2a:{tail.hex(':')}")


def tunnels(links: Mapping[int, Link]) -> dict[int, Link]:
    """Return those of the devices, by their indexes, that are VXLAN tunnels."""
    return {index: link for index, link in links.items() if link.type == VXLAN}


def tunnel_ports(resources: Iterable[Resource]) -> frozenset[int]:
    """Return the UDP ports of the tunnels among objects of any kind."""
    links = (resource for resource in resources if isinstance(resource, Link))
    return frozenset(link.vxlan.port for link in links if link.vxlan is not None)


def own_settings(links: Iterable[Link]) -> frozenset[str]:
    """Return the parameters of our own devices, and of tunnels that may become ours: what is looked at with them."""
    return frozenset(name for link in links if link.ours or link.vxlan is not None for name in link.settings)
