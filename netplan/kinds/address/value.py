"""An address on a network device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netplan.net import IfName, InterfaceAddress
from netplan.resource import Json


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """An address that a device carries."""

    kind: ClassVar[str] = "address"

    link: IfName
    address: InterfaceAddress

    @property
    def key(self) -> tuple[IfName, InterfaceAddress]:
        """The device and the address with its length, as the kernel keeps it."""
        return (self.link, self.address)

    @property
    def label(self) -> str:
        """The address and its device."""
        return f"{self.address} dev {self.link}"

    @property
    def ours(self) -> bool:
        """Addresses carry no mark: those on our own links are ours, and podnet looks at others only."""
        return False

    def __str__(self) -> str:
        return self.label

    def to_json(self) -> Json:
        """Give the address as JSON values."""
        return {"dev": self.link, "address": str(self.address)}

    @classmethod
    def from_json(cls, data: Json) -> LinkAddress:
        """Read what `to_json` gave."""
        return cls(IfName(str(data["dev"])), InterfaceAddress.parse(str(data["address"])))
