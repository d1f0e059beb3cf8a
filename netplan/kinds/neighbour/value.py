"""A permanent neighbour as the kernel keeps it."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import Address, IfName, LinkLayerAddress, link_layer_address


class Neighbour(Struct, frozen=True):
    """The link-layer address of an address behind a device, which the kernel never asks for.

    Neighbours carry no mark: `ours` are those behind our own links.
    """

    kind: ClassVar[str] = "neighbour"

    link: IfName
    address: Address
    lladdr: LinkLayerAddress
    ours: bool = False

    @property
    def key(self) -> tuple[IfName, Address]:
        """What the kernel indexes neighbours by."""
        return (self.link, self.address)

    @property
    def label(self) -> str:
        """The address and its device."""
        return f"{self.address} dev {self.link}"

    def __str__(self) -> str:
        return f"{self.address} dev {self.link} lladdr {self.lladdr}"

    def to_json(self) -> Json:
        """Return the neighbour as JSON values, under the names of `ip -j neighbour`."""
        data = {"dst": str(self.address), "dev": self.link, "lladdr": self.lladdr}
        return {**data, "ours": True} if self.ours else data

    @classmethod
    def from_json(cls, data: Json) -> Neighbour:
        """Read what `to_json` gave."""
        return cls(
            link=IfName(str(data["dev"])),
            address=Address.parse(str(data["dst"])),
            lladdr=link_layer_address(str(data["lladdr"])),
            ours=bool(data.get("ours", False)),
        )
