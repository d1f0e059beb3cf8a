"""What nftables' sets and maps hold, as the kernel keeps it (linux/netfilter/nf_tables.h)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.netfilter.nftables.expression import number_of, terminated
from netplan.system.netlink import netfilter
from netplan.system.netlink.netfilter import NFTABLES, number
from netplan.system.netlink.wire import Attributes, attribute, attributes, elements, text

MANY: Final = 1000
"""How many elements of a set are read: what has more is not understood."""

_GET_SET, _GET_ELEMENT = 10, 13
_INTERVAL, _CONCATENATED = 0x4, 0x80
_END, _CATCHALL = 1, 2
_INNOCENT: Final = frozenset({"counter", "last"})


class Element(Struct, frozen=True):
    """The keys from `first` to `last`, both of them included, and the data or the verdict that a map has for them.

    Without keys it stands for all that no other element has. A concatenation's fields start at multiples of four bytes,
    and each has a range of its own.
    """

    first: bytes
    last: bytes
    data: bytes = b""
    verdict: Attributes = MappingProxyType({})


class Sets:
    """The sets and maps of one table, each read when it is asked for."""

    def __init__(self, family: str, table: str) -> None:
        self._family = number_of(family)
        self._table = attribute(1, terminated(table))
        self._flags: dict[str, tuple[int, int]] | None = None
        self._read: dict[str, tuple[Element, ...] | None] = {}

    def __call__(self, name: str) -> tuple[Element, ...] | None:
        """Return what a set holds now, in order; None if it is too big, or has conditions."""
        if name not in self._read:
            self._read[name] = self._elements(name)
        return self._read[name]

    def _elements(self, name: str) -> tuple[Element, ...] | None:
        if self._flags is None:
            sets = netfilter.dump(NFTABLES, _GET_SET, self._family, self._table)
            self._flags = {
                text(message.attributes[2]): (number(message.attributes.get(3, b"")), number(message.attributes[5]))
                for message in sets
            }
        if name not in self._flags:
            return None
        flags, length = self._flags[name]
        wanted = self._table + attribute(2, terminated(name))
        messages = netfilter.dump(NFTABLES, _GET_ELEMENT, self._family, wanted, most=MANY)
        listed = [attributes(element) for message in messages for element in elements(message.attributes.get(3, b""))]
        bounds = flags & _INTERVAL and not flags & _CONCATENATED
        if len(listed) > (2 * MANY + 1 if bounds else MANY) or any(map(_conditional, listed)):
            return None
        read = [*(_intervals(listed, length) if bounds else map(_element, listed))]
        return (
            tuple(sorted(read, key=lambda element: (not element.first, element.first))) if len(read) <= MANY else None
        )


def _conditional(element: Attributes) -> bool:
    """Whether more than the key decides on an element: a limit, a quota, an object."""
    expressions = [attributes(expression) for expression in elements(element.get(11, b""))]
    expressions += [attributes(element[7])] if 7 in element else []
    return 9 in element or any(text(expression[1]) not in _INNOCENT for expression in expressions)


def _element(element: Attributes) -> Element:
    first = _key(element, 1)
    data = attributes(element.get(2, b""))
    return Element(first, _key(element, 10) or first, data.get(1, b""), attributes(data.get(2, b"")))


def _key(element: Attributes, which: int) -> bytes:
    return attributes(element.get(which, b"")).get(1, b"")


def _intervals(members: Iterable[Attributes], length: int) -> Iterator[Element]:
    """Return intervals that are kept as their bounds: each reaches to the next bound, which it does not include."""
    marked = [
        (_key(element, 1), not _flag(element, _END), element) for element in members if not _flag(element, _CATCHALL)
    ]
    bounds = sorted(marked, key=lambda bound: bound[:2])
    ends = [key for key, _, _ in bounds][1:]
    for (_, starts, element), end in zip(bounds, [*ends, b""], strict=True):
        if starts:
            last = (int.from_bytes(end, "big") - 1).to_bytes(length, "big") if end else b"\xff" * length
            yield replace(_element(element), last=last)
    yield from (_element(element) for element in members if _flag(element, _CATCHALL))


def _flag(element: Attributes, flag: int) -> bool:
    return bool(number(element.get(3, b"")) & flag)
