"""A set that rules ask, and its members."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final, TypeAlias

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import Address, Prefix, counted, printable
from netplan.netfilter.iptables.operands import BITS
from netplan.netfilter.iptables.rule import Rule

DIMENSIONS: Final = {
    "bitmap:ip": ("net",),
    "hash:ip": ("net",),
    "hash:net": ("net",),
    "hash:net,net": ("net", "net"),
    "hash:ip,port": ("net", "port"),
    "hash:net,port": ("net", "port"),
    "hash:ip,port,ip": ("net", "port", "net"),
    "hash:ip,port,net": ("net", "port", "net"),
    "hash:net,iface": ("net", "iface"),
    "list:set": ("set",),
}
"""What a member consists of, by the type of its set; a single address is a network of its own."""

LIST: Final = "list:set"
_NOMATCH: Final = " nomatch"


class Port(Struct, frozen=True):
    """A port of a protocol; of ICMP the type and code as one number of 16 bits, of protocols without ports 0."""

    protocol: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Port:
        """Read `6:80`."""
        protocol, _, number = text.partition(":")
        port = cls(int(protocol), int(number))
        if not (0 <= port.protocol <= 255 and 0 <= port.number <= 65535):
            raise ValueError(f"{text!r} is not a port of a protocol, such as 6:80")
        return port

    def __str__(self) -> str:
        return f"{self.protocol}:{self.number}"


Part: TypeAlias = Prefix | Port | str


class Member(Struct, frozen=True):
    """A member: its parts in the order of its set's type, and whether it is an exception from larger ones.

    A device's name that ends in `+` stands for all that begin so.
    """

    parts: tuple[Part, ...]
    nomatch: bool = False

    @classmethod
    def parse(cls, text: str, dimensions: tuple[str, ...]) -> Member:
        """Read `10.0.0.0/8,6:80 nomatch`; ValueError if it is not of these dimensions."""
        if dimensions == DIMENSIONS[LIST]:
            return cls((text,))
        words = text.removesuffix(_NOMATCH).split(",", len(dimensions) - 1)
        parts = [_part(word, dimension) for word, dimension in zip(words, dimensions, strict=True)]
        return cls(tuple(parts), text.endswith(_NOMATCH))

    def __str__(self) -> str:
        return ",".join(map(_shown, self.parts)) + _NOMATCH * self.nomatch


def _part(text: str, dimension: str) -> Part:
    if dimension == "net":
        return Prefix.parse(text if "/" in text else f"{text}/{BITS[Address.parse(text).version]}")
    return Port.parse(text) if dimension == "port" else text


def _shown(part: Part) -> str:
    single = isinstance(part, Prefix) and part.length == BITS[part.version]
    return str(part.address) if isinstance(part, Prefix) and single else str(part)


class IpSet(Struct, frozen=True):
    """A set (ipset(8)): its type, the IP version of its addresses, 0 where it has none, and its members.

    Of one that is `unread` they are not known: it is too large, or of a type that is not understood.
    """

    kind: ClassVar[str] = "ipset"

    name: str
    type: str
    version: int = 4
    members: tuple[Member, ...] = ()
    unread: bool = False

    @property
    def key(self) -> str:
        """The name."""
        return self.name

    @property
    def label(self) -> str:
        """The name."""
        return printable(self.name)

    @property
    def ours(self) -> bool:
        """Never: sets are read, and not written."""
        return False

    def __str__(self) -> str:
        count = "not read" if self.unread else counted(len(self.members), "member")
        return f"{self.label} {self.type}, {count}"

    def to_json(self) -> Json:
        """Return the set as JSON values."""
        data: dict[str, Any] = {"name": self.name, "type": self.type, "version": self.version}
        return data | ({"unread": True} if self.unread else {"members": [str(member) for member in self.members]})

    @classmethod
    def from_json(cls, data: Json) -> IpSet:
        """Read what `to_json` gave."""
        name, type_, version = str(data["name"]), str(data["type"]), int(data["version"])
        if data.get("unread", False):
            return cls(name, type_, version, unread=True)
        dimensions = DIMENSIONS[type_]
        return cls(name, type_, version, tuple(Member.parse(str(text), dimensions) for text in data["members"]))


def named_sets(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the names of the sets that rules ask."""
    names = (match.get("match-set") for rule in rules for match in rule.matches if match.name == "set")
    return frozenset(option.text for option in names if option is not None)
