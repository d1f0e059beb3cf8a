"""Sets of prefixes: which lie in another, found in O(n log n); and what the keys of IPv6 are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from netplan.net import Address, InterfaceAddress, Prefix

K = TypeVar("K")


def family_key(version: int, key: str) -> str:
    """Return the name that a key has for an IP version: `ipv6_subnet` for `subnet`."""
    return key if version == 4 else f"ipv6_{key}"


def around(address: Address, length: int) -> Prefix:
    """Return the prefix of a length that an address lies in."""
    return InterfaceAddress(address, length).prefix


def nested(prefixes: Mapping[K, Prefix]) -> Iterator[tuple[K, K]]:
    """Return each prefix that lies in another one or equals an earlier one, with the narrowest such.

    Two prefixes that overlap are nested, so that this finds every prefix that overlaps any other.
    """
    outer: list[tuple[K, Prefix]] = []
    for name, prefix in sorted(prefixes.items(), key=lambda item: item[1]):
        while outer and not outer[-1][1].covers(prefix):
            outer.pop()
        if outer:
            yield name, outer[-1][0]
        if not outer or outer[-1][1] != prefix:
            outer.append((name, prefix))
