"""The ends of traffic by their addresses: pods, the outside, and the peers that packets come from or go to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from msgspec import Struct

from netplan.kinds.resource import Json
from netplan.net import Address, InterfaceAddress, Prefix, host_name, if_name
from netplan.trace.intervals import Intervals, meet, minus, of_prefix, of_prefixes, only, pairs_of, size, union
from netplan.trace.table import Way

_NOT_PUBLIC: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/3",),
)
"""Addresses that are no host's on the internet (RFC 6890): what becomes of packets to them is a matter of the place."""

OUTSIDE: Final[dict[int, Intervals]] = {
    4: minus((0, 0xFFFFFFFF), of_prefixes(map(Prefix.parse, _NOT_PUBLIC))),
    6: minus(
        of_prefix(Prefix.parse("2000::/3")), of_prefixes(map(Prefix.parse, ("2001::/23", "2001:db8::/32", "3fff::/20")))
    ),
}
"""The addresses of hosts on the internet, by IP version."""


def pods_of(subnet: Prefix) -> Intervals:
    """Return the addresses that pods of a node may have: not the bridge's, and not those of the subnet itself."""
    hosts = minus(of_prefix(subnet), (subnet.value, subnet.value + 1))
    return minus(hosts, only(subnet.value + subnet.size - 1)) if subnet.version == 4 and subnet.size > 2 else hosts


class Named(NamedTuple):
    """The first names of so many peers, and the addresses of them all."""

    names: tuple[str, ...]
    number: int
    addresses: Intervals


class Peers(Struct, frozen=True, dict=True):
    """Names by disjoint prefixes, in the order of these; `ways` are those by which packets should leave to them."""

    places: tuple[tuple[Prefix, str], ...] = ()
    ways: Mapping[Prefix, Way] = {}

    @classmethod
    def of(cls, places: Iterable[tuple[Prefix, str]], ways: Mapping[Prefix, Way] | None = None) -> Peers:
        """Put names of prefixes into order."""
        places = tuple(places)
        starts = [prefix.value for prefix, _ in places]
        return cls(tuple(places[at] for at in sorted(range(len(starts)), key=starts.__getitem__)), ways or {})

    @cached_property
    def addresses(self) -> Intervals:
        """The addresses of all peers."""
        return of_prefixes(prefix for prefix, _ in self.places)

    @cached_property
    def _starts(self) -> list[int]:
        return [prefix.value for prefix, _ in self.places]

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted({prefix.length for prefix in self.ways}, reverse=True)

    @cached_property
    def _by_way(self) -> Mapping[Way, Sequence[Prefix]]:
        by_way: dict[Way, list[Prefix]] = {}
        for prefix, way in self.ways.items():
            by_way.setdefault(way, []).append(prefix)
        return by_way

    @property
    def number_of_ways(self) -> int:
        """By how many different ways packets should leave."""
        return len(self._by_way)

    def reached_by(self, way: Way) -> Intervals:
        """Return the addresses to which packets should leave by a way."""
        return of_prefixes(self._by_way.get(way, ()))

    def by_way(self, addresses: Intervals) -> Mapping[Way, Intervals]:
        """Return the ways by which packets should leave to some addresses, with the prefixes of each that have some."""
        near: dict[Way, list[Prefix]] = {}
        for prefix, way in self.ways.items():
            if meet(of_prefix(prefix), addresses):
                near.setdefault(way, []).append(prefix)
        return {way: of_prefixes(prefixes) for way, prefixes in near.items()}

    def way_to(self, address: Address) -> Way | None:
        """Return the way by which packets should leave to an address, by the longest prefix."""
        prefixes = (InterfaceAddress(address, length).prefix for length in self._lengths)
        return next((self.ways[prefix] for prefix in prefixes if prefix in self.ways), None)

    def place_of(self, address: Address) -> Prefix | None:
        """Return the prefix of the peer that has an address."""
        at = bisect_right(self._starts, address.value) - 1
        return self.places[at][0] if at >= 0 and self.places[at][0].contains(address) else None

    def named(self, addresses: Intervals, most: int) -> Named:
        """Return the peers that have some of the addresses."""
        if addresses == self.addresses:
            return Named(tuple(name for _, name in self.places[:most]), len(self.places), addresses)
        spans = ((self._from(first), self._to(last) - 1) for first, last in pairs_of(addresses))
        numbers = union(span for span in spans if span[0] <= span[1])
        chosen = [number for first, last in pairs_of(numbers) for number in range(first, min(last, first + most) + 1)]
        every = (number for first, last in pairs_of(numbers) for number in range(first, last + 1))
        whole = size(numbers) == len(self.places)
        return Named(
            tuple(dict.fromkeys(self.places[number][1] for number in chosen[:most])),
            size(numbers),
            self.addresses if whole else of_prefixes(self.places[number][0] for number in every),
        )

    def _from(self, first: int) -> int:
        at = bisect_right(self._starts, first)
        inside = at > 0 and self.places[at - 1][0].value + self.places[at - 1][0].size > first
        return at - 1 if inside else at

    def _to(self, last: int) -> int:
        return bisect_right(self._starts, last)

    def place_texts(self) -> list[str]:
        """Return name and prefix of each peer in one line."""
        return [f"{name} {prefix}" for prefix, name in self.places]

    def way_texts(self) -> list[str]:
        """Return prefix, device and next hop of each way in one line."""
        return [f"{prefix} {way.oif or '-'} {way.next_hop or '-'}" for prefix, way in self.ways.items()]

    @classmethod
    def from_json(cls, data: Json) -> Peers:
        """Read the texts of `peers` and of their `ways`."""
        places = (str(text).split() for text in data["peers"])
        words = (str(text).split() for text in data["ways"])
        ways = {Prefix.parse(prefix): _way(oif, hop) for prefix, oif, hop in words}
        return cls.of(((Prefix.parse(prefix), host_name(name)) for name, prefix in places), ways)


def _way(oif: str, hop: str) -> Way:
    return Way(None if oif == "-" else if_name(oif), None if hop == "-" else Address.parse(hop))
