"""Classes of packets, of which a single packet is the smallest, and three-valued answers about them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.net import Address, Prefix
from netplan.netfilter.iptables.operands import BITS, Masked

ANYWHERE: Final = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}
NO_DEVICE: Final = ""
UNTRACKED: Final = "UNTRACKED"
INVALID: Final = "INVALID"
NO_CONNECTION: Final = frozenset({UNTRACKED, INVALID})
"""The states of packets for which conntrack has no connection (yet)."""

_ALL_BITS: Final = 0xFFFFFFFF


class Holds(IntEnum):
    """For how many packets of a class a condition holds; the least of several is that of all of them together."""

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
    """A mark of 32 bits, of which those in `known` are known; the others are 0 in `value`."""

    value: int
    known: int

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
        if (self.value ^ named.value) & self.known & named.mask or named.value & ~named.mask:
            return Holds.NEVER
        return Holds.ALWAYS if self.known & named.mask == named.mask else Holds.SOMETIMES

    def __str__(self) -> str:
        return f"{self.value:#x}" if self.known == _ALL_BITS else f"{self.value:#x}/{self.known:#x}"


UNKNOWN_MARK: Final = Mark(0, 0)


class Flow(Struct, frozen=True):
    """A class of packets: from `source` without `but_not`, to one of `destinations`.

    None is not known, of any field. `oif` is the device they leave by, or, with `other_oif`, the one they do not leave
    by; `iif` is the one they came by; NO_DEVICE means that they have none (yet). They carry none of the marks in
    `unmarked`, each a value under a mask. `hook` is the built-in chain that they are in. `state` is conntrack's state
    of the connection that they open, `connmark` its mark; `dnat` and `snat` say whether it is translated, `dialed` are
    the destinations that it had before.
    """

    source: Prefix
    destinations: tuple[Prefix, ...]
    but_not: Prefix | None = None
    oif: str | None = None
    other_oif: bool = False
    unmarked: tuple[Masked, ...] = ()
    iif: str | None = None
    hook: str | None = None
    protocol: int | None = None
    sport: int | None = None
    dport: int | None = None
    icmp_type: tuple[int, int] | None = None
    mark: Mark = UNKNOWN_MARK
    connmark: Mark = UNKNOWN_MARK
    state: str | None = None
    dnat: bool | None = None
    snat: bool = False
    next_hop: Address | None = None
    dialed: tuple[Prefix, ...] = ()

    @property
    def version(self) -> int:
        """The IP version of the packets."""
        return self.source.version

    def remarked(self, mark: Mark = UNKNOWN_MARK) -> Flow:
        """Return the same packets after a rule has set their mark, by default to an unknown one."""
        return replace(self, mark=mark, unmarked=())

    def blurred(self) -> Flow:
        """Return the same packets with unknown marks."""
        return replace(self.remarked(), connmark=UNKNOWN_MARK)

    @property
    def from_address(self) -> Address | None:
        """The one source address of all packets, None if there may be several."""
        return only_address((self.source,)) if self.but_not is None else None

    @property
    def to_address(self) -> Address | None:
        """The one destination address of all packets, None if there may be several."""
        return only_address(self.destinations)


def only_address(prefixes: tuple[Prefix, ...]) -> Address | None:
    """Return the one address that the prefixes hold, None if there are more."""
    if len(prefixes) == 1 and prefixes[0].length == BITS[prefixes[0].version]:
        return prefixes[0].address
    return None


def single(address: Address) -> Prefix:
    """Return the prefix that holds one address only."""
    return Prefix(address.version, address.value, BITS[address.version])
