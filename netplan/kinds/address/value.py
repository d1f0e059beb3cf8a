"""An address on a network device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from netplan.net import IfName, InterfaceAddress
from netplan.resource import Json

# rtnetlink(7), rtm_scope: how far an address is valid.
UNIVERSE: Final = 0
LINK_SCOPE: Final = 253
HOST_SCOPE: Final = 254


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """An address that a device carries; beyond its `scope` the kernel does not choose it as a source."""

    kind: ClassVar[str] = "address"

    link: IfName
    address: InterfaceAddress
    scope: int = UNIVERSE

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
        data = {"dev": self.link, "address": str(self.address)}
        return data if self.scope == UNIVERSE else data | {"scope": self.scope}

    @classmethod
    def from_json(cls, data: Json) -> LinkAddress:
        """Read what `to_json` gave."""
        return cls(IfName(str(data["dev"])), InterfaceAddress.parse(str(data["address"])))
