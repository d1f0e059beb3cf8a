"""An entry of a tunnel's forwarding database as the kernel keeps it."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import Address, IfName, LinkLayerAddress, link_layer_address


class FdbEntry(Struct, frozen=True):
    """The host that a tunnel sends frames to which are for a link-layer address.

    `options` is what else an entry says, as bridge(8) prints it: `port 4789`, `vni 7`. Entries carry no mark: `ours`
    are those of our own links.
    """

    kind: ClassVar[str] = "fdb"

    link: IfName
    lladdr: LinkLayerAddress
    dst: Address
    options: tuple[str, ...] = ()
    ours: bool = False

    @property
    def key(self) -> tuple[IfName, LinkLayerAddress]:
        """What the kernel indexes the entries of a tunnel by."""
        return (self.link, self.lladdr)

    @property
    def label(self) -> str:
        """The link-layer address and the tunnel."""
        return f"{self.lladdr} dev {self.link}"

    def __str__(self) -> str:
        return " ".join([str(self.lladdr), "dev", self.link, "dst", str(self.dst), *self.options])

    def to_json(self) -> Json:
        """Return the entry as JSON values, under the names of `bridge -j fdb`."""
        data: dict[str, Any] = {"mac": self.lladdr, "ifname": self.link, "dst": str(self.dst)}
        if self.options:
            data["options"] = list(self.options)
        return {**data, "ours": True} if self.ours else data

    @classmethod
    def from_json(cls, data: Json) -> FdbEntry:
        """Read what `to_json` gave."""
        return cls(
            link=IfName(str(data["ifname"])),
            lladdr=link_layer_address(str(data["mac"])),
            dst=Address.parse(str(data["dst"])),
            options=tuple(map(str, data.get("options", ()))),
            ours=bool(data.get("ours", False)),
        )
