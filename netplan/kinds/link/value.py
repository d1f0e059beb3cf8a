"""A network device as podnet looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netplan.net import IfName
from netplan.resource import Json

ALIAS = "podnet"


@dataclass(frozen=True, slots=True)
class Link:
    """A network device: `mtu` in bytes; `alias` is the one that `ip link set alias` gives.

    `type` is the one that `ip link add type` gives, "" for hardware, None where a record does not tell.
    """

    kind: ClassVar[str] = "link"

    name: IfName
    mtu: int
    up: bool
    alias: str = ""
    type: str | None = None

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

    def __str__(self) -> str:
        return f"{self.name} mtu {self.mtu} {'up' if self.up else 'down'}"

    def to_json(self) -> Json:
        """Give the device as JSON values."""
        data = {"name": self.name, "mtu": self.mtu, "up": self.up, "alias": self.alias}
        return data if self.type is None else data | {"type": self.type}

    @classmethod
    def from_json(cls, data: Json) -> Link:
        """Read what `to_json` gave."""
        found = None if data.get("type") is None else str(data["type"])
        return cls(IfName(str(data["name"])), int(data["mtu"]), bool(data["up"]), str(data["alias"]), found)
