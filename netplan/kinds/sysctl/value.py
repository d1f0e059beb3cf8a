"""A kernel parameter."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import ClassVar, Final

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import IfName

_NAME: Final = re.compile(r"net(\.[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)+")

EACH: Final = "*"
"""What stands in the name of a parameter for each device that has an address."""

_OF_DEVICES: Final = frozenset({"conf", "neigh"})


def is_name(text: str) -> bool:
    """Whether a text names a parameter below net. and leads nowhere else."""
    return _NAME.fullmatch(text) is not None


def spelled_out(names: Iterable[str], devices: Collection[str]) -> Iterator[str]:
    """Return names with those of devices in the place of `EACH`."""
    for name in names:
        if EACH in name:
            yield from (name.replace(EACH, device.replace(".", "/")) for device in devices)
        else:
            yield name


def accept_ra(device: str) -> str:
    """Name the parameter that says whether a device takes routes that routers announce."""
    return f"net.ipv6.conf.{device.replace('.', '/')}.accept_ra"


def of_ipv6(name: str) -> bool:
    """Whether a name is that of a parameter that only a kernel with IPv6 has."""
    return name.startswith("net.ipv6.")


class Sysctl(Struct, frozen=True):
    """A kernel parameter and its value, both as sysctl(8) writes them: `net.ipv4.ip_forward` and `1`.

    A `/` in a name stands for a dot inside one component: `net.ipv4.conf.eth0/100.rp_filter`.
    """

    kind: ClassVar[str] = "sysctl"

    name: str
    value: str

    @property
    def key(self) -> str:
        """The parameter's name."""
        return self.name

    @property
    def device(self) -> IfName | None:
        """The device that the parameter is about and goes with, if it is about one."""
        words = self.name.split(".")
        if len(words) < 5 or words[2] not in _OF_DEVICES or words[3] in {"all", "default"}:
            return None
        return IfName(words[3].replace("/", "."))

    @property
    def label(self) -> str:
        """The parameter's name."""
        return self.name

    @property
    def ours(self) -> bool:
        """A parameter is there whether podnet runs or not."""
        return False

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"

    def to_json(self) -> Json:
        """Return the parameter as JSON values."""
        return {"name": self.name, "value": self.value}

    @classmethod
    def from_json(cls, data: Json) -> Sysctl:
        """Read what `to_json` gave; ValueError for a name that leads out of the network's parameters."""
        name = str(data["name"])
        if not is_name(name):
            raise ValueError(f"{name!r} is not the name of a sysctl of the network, such as net.ipv4.ip_forward")
        return cls(name, str(data["value"]))
