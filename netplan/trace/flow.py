"""Sets of packets of which the same is known, of which a single packet is the smallest, and what splits them.

A flow is a product of four sets of numbers, those of the header that the packets came with, and of labels that say what
happened to all of them since. What NAT made of an address or a port is a label: so the parts of a flow, however they
were translated, remain parts of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum, StrEnum
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from netplan.net import Address, Prefix
from netplan.netfilter.iptables.names import ICMP, ICMPV6, TCP
from netplan.netfilter.iptables.operands import Masked
from netplan.trace.intervals import EVERY_PORT, Intervals, minus, of_prefixes, only, pairs_of, single, size, union

ANYWHERE: Final = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}
NO_DEVICE: Final = ""
UNTRACKED: Final = "UNTRACKED"
INVALID: Final = "INVALID"
NO_CONNECTION: Final = frozenset({UNTRACKED, INVALID})
"""The states of packets for which conntrack has no connection (yet)."""

REPLYING: Final = frozenset({ICMP, TCP, ICMPV6})
"""The protocols of which conntrack knows replies from what opens a connection."""

EVERY_SERVICE: Final = (0, (256 << 16) - 1)
NO_SOURCE: Final = only(0)
"""The source of what an unbound socket sends, until it is routed."""

_ALL_BITS: Final = 0xFFFFFFFF


class Holds(IntEnum):
    """For how many packets of a flow a condition holds; the least of several is that of all of them together."""

    NEVER = 0
    SOMETIMES = 1
    ALWAYS = 2

    def unless(self, negated: bool) -> Holds:  # noqa: FBT001 - reads as the rule does
        """Return the answer for the negated condition."""
        return Holds(2 - self) if negated else self

    @classmethod
    def when(cls, fact: bool | None) -> Holds:  # noqa: FBT001 - it is about the fact
        """Return the answer that a fact gives; one that is not known holds sometimes."""
        return cls.SOMETIMES if fact is None else cls.ALWAYS if fact else cls.NEVER


class Mark(Struct, frozen=True):
    """A mark of 32 bits, of which those in `known` are known; the others are 0 in `value`.

    It is none of the marks in `absent`, each a value under a mask.
    """

    value: int
    known: int
    absent: tuple[Masked, ...] = ()

    @classmethod
    def of(cls, value: int) -> Mark:
        """Return a mark that is known."""
        return cls(value, _ALL_BITS)

    def mixed(self, other: Mark, clear: int, take: int) -> Mark:
        """Clear bits, then flip those that are set among the bits which are taken of the other mark.

        That is what --set-xmark, --save-mark and --restore-mark do.
        """
        known = (self.known | clear) & (other.known | ~take & _ALL_BITS)
        return Mark((self.value & ~clear ^ other.value & take) & known, known)

    def is_one(self, named: Masked) -> Holds:
        """Whether the mark is one that a rule names."""
        if any(_contains(named, absent) for absent in self.absent):
            return Holds.NEVER
        if (self.value ^ named.value) & self.known & named.mask or named.value & ~named.mask:
            return Holds.NEVER
        return Holds.ALWAYS if self.known & named.mask == named.mask else Holds.SOMETIMES

    def __str__(self) -> str:
        return f"{self.value:#x}" if self.known == _ALL_BITS else f"{self.value:#x}/{self.known:#x}"


def _contains(named: Masked, absent: Masked) -> bool:
    """Whether a packet that carries one mark carries the other too."""
    return named.mask & absent.mask == absent.mask and named.value & absent.mask == absent.value


UNKNOWN_MARK: Final = Mark(0, 0)


class Various(Enum):
    """Next hops that stand for many: packets to different destinations have different ones."""

    WANTED = "as wanted of each"
    OTHERS = "others than wanted"


class Phase(StrEnum):
    """Which packets of their connections these are."""

    FIRST = "packets"
    LATER = "later packets"
    REPLY = "replies"
    ERROR = "path MTU errors"

    @property
    def back(self) -> bool:
        """Whether the packets go to where the first one came from (ctdir REPLY)."""
        return self in (Phase.REPLY, Phase.ERROR)


class Translation(NamedTuple):
    """What conntrack gives to packets that are not the first of their connections; None: what they came with."""

    source: Intervals | None = None
    sport: Intervals | None = None
    destination: Intervals | None = None
    dport: Intervals | None = None


class Flow(Struct, frozen=True):
    """A set of packets of one IP version.

    `source` and `destination` are addresses, `service` is protocol and destination port in one number
    (`protocol << 16 | port`, of ICMP the type and code in the place of the port): those of the header with which the
    packets came. `new_source` and the others are what NAT made of them, None where nothing: one of these numbers. None
    is not known, of any other label. `oif` is the device they leave by, or, with `other_oif`, the one they do not leave
    by; `iif` is the one they came by; NO_DEVICE means that they have none (yet). `hook` is the built-in chain that they
    are in. `state` is conntrack's state of the connection that they open, or belong to, `connmark` its mark; `dnat` and
    `snat` say whether it is translated, and `translation` how; None of what opens it, and without a connection.
    """

    version: int
    source: Intervals
    destination: Intervals
    sport: Intervals = EVERY_PORT
    service: Intervals = EVERY_SERVICE
    new_source: Intervals | None = None
    new_destination: Intervals | None = None
    new_sport: Intervals | None = None
    new_dport: Intervals | None = None
    oif: str | None = None
    other_oif: bool = False
    iif: str | None = None
    hook: str | None = None
    mark: Mark = UNKNOWN_MARK
    connmark: Mark = UNKNOWN_MARK
    state: str | None = None
    dnat: bool | None = None
    snat: bool = False
    next_hop: Address | Various | None = None
    phase: Phase = Phase.FIRST
    translation: Translation | None = None

    @classmethod
    def between(cls, source: Prefix, *destinations: Prefix, but_not: Prefix | None = None, **labels: object) -> Flow:
        """Return all packets from a prefix, without those of another one, to some prefixes."""
        sources = of_prefixes([source])
        if but_not is not None:
            sources = minus(sources, of_prefixes([but_not]))
        flow = cls(source.version, sources, of_prefixes(destinations))
        return replace(flow, **labels) if labels else flow

    def remarked(self, mark: Mark = UNKNOWN_MARK) -> Flow:
        """Return the same packets after a rule has set their mark, by default to an unknown one."""
        return replace(self, mark=mark)

    def blurred(self) -> Flow:
        """Return the same packets with unknown marks."""
        return replace(self, mark=UNKNOWN_MARK, connmark=UNKNOWN_MARK)

    @property
    def sources(self) -> Intervals:
        """The source addresses that the packets have now."""
        return self.source if self.new_source is None else self.new_source

    @property
    def destinations(self) -> Intervals:
        """The destination addresses that the packets have now."""
        return self.destination if self.new_destination is None else self.new_destination

    @property
    def from_address(self) -> Address | None:
        """The one source address of all packets, None if there may be several."""
        return _address(self.version, self.sources)

    @property
    def to_address(self) -> Address | None:
        """The one destination address of all packets, None if there may be several."""
        return _address(self.version, self.destinations)

    @property
    def first_source(self) -> Address:
        """The first of the sources that the packets have now."""
        return Address(self.version, self.sources[0])

    @property
    def first_destination(self) -> Address:
        """The first of the destinations that the packets have now."""
        return Address(self.version, self.destinations[0])

    @property
    def to_port(self) -> int | None:
        """The one destination port of all packets, None if there may be several, or none."""
        value = single(self.service if self.new_dport is None else self.new_dport)
        return None if value is None or (self.new_dport is None and value >> 16 in (ICMP, ICMPV6)) else value & 0xFFFF

    @property
    def known(self) -> bool:
        """Whether each packet has one source and one destination that is known."""
        new = [addresses for addresses in (self.new_source, self.new_destination) if addresses is not None]
        return all(single(addresses) is not None for addresses in new)

    @property
    def packets(self) -> int:
        """How many packets there are, by addresses and ports."""
        return size(self.source) * size(self.destination) * size(self.sport) * size(self.service)

    def turned(self) -> Flow:
        """Return the packets with sources and destinations exchanged."""
        return replace(
            self,
            source=self.destination,
            destination=self.source,
            new_source=self.new_destination,
            new_destination=self.new_source,
        )


def _address(version: int, addresses: Intervals) -> Address | None:
    value = single(addresses)
    return None if value is None else Address(version, value)


class Field(NamedTuple):
    """A part of the header: the field of a flow that has it as it came, and the label with what NAT made of it."""

    name: str
    new: str


SOURCE: Final = Field("source", "new_source")
DESTINATION: Final = Field("destination", "new_destination")
SPORT: Final = Field("sport", "new_sport")
SERVICE: Final = Field("service", "new_dport")
FIELDS: Final = (SOURCE, DESTINATION, SPORT, SERVICE)


def services(protocols: Iterable[int], ports: Intervals = EVERY_PORT) -> Intervals:
    """Return ports of some protocols as they stand in `Flow.service`."""
    return union(
        (protocol << 16 | first, protocol << 16 | last) for protocol in protocols for first, last in pairs_of(ports)
    )


def protocols_of(service: Intervals) -> range:
    """Return the protocols of services, those between them too."""
    return range(service[0] >> 16, (service[-1] >> 16) + 1)
