"""An address on a network device."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import IfName, InterfaceAddress

# rtnetlink(7), rtm_scope: how far an address is valid.
UNIVERSE: Final = 0
LINK_SCOPE: Final = 253
HOST_SCOPE: Final = 254


class LinkAddress(Struct, frozen=True):
    """An address that a device carries; beyond its `scope` the kernel does not choose it as a source.

    Addresses carry no mark: `ours` are those on our own links.
    """

    kind: ClassVar[str] = "address"

    link: IfName
    address: InterfaceAddress
    scope: int = UNIVERSE
    ours: bool = False

    @property
    def key(self) -> tuple[IfName, InterfaceAddress]:
        """The device and the address with its length, as the kernel keeps it."""
        return (self.link, self.address)

    @property
    def label(self) -> str:
        """The address and its device."""
        return f"{self.address} dev {self.link}"

    def __str__(self) -> str:
        return self.label

    def to_json(self) -> Json:
        """Return the address as JSON values."""
        data: dict[str, Any] = {"dev": self.link, "address": str(self.address)}
        if self.scope != UNIVERSE:
            data["scope"] = self.scope
        return {**data, "ours": True} if self.ours else data

    @classmethod
    def from_json(cls, data: Json) -> LinkAddress:
        """Read what `to_json` gave."""
        return cls(
            link=IfName(str(data["dev"])),
            address=InterfaceAddress.parse(str(data["address"])),
            scope=int(data.get("scope", UNIVERSE)),
            ours=bool(data.get("ours", False)),
        )
