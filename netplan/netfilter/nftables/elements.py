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
_INTERVAL, _TIMEOUT, _DYNAMIC, _CONCATENATED = 0x4, 0x10, 0x20, 0x80
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
        """Return what a set holds, in order; None if it is too big, changed by packets, or has conditions."""
        if name not in self._read:
            self._read[name] = self._elements(name)
        return self._read[name]

    def _elements(self, name: str) -> tuple[Element, ...] | None:
        if self._flags is None:
            sets = netfilter.dump(NFTABLES, _GET_SET, self._family, self._table)
            self._flags = {
                text(each.attributes[2]): (number(each.attributes.get(3, b"")), number(each.attributes[5]))
                for each in sets
            }
        flags, length = self._flags.get(name, (_DYNAMIC, 0))
        if flags & (_TIMEOUT | _DYNAMIC):
            return None
        wanted = self._table + attribute(2, terminated(name))
        messages = netfilter.dump(NFTABLES, _GET_ELEMENT, self._family, wanted, most=MANY)
        found = [attributes(each) for message in messages for each in elements(message.attributes.get(3, b""))]
        bounds = flags & _INTERVAL and not flags & _CONCATENATED
        if len(found) > (2 * MANY + 1 if bounds else MANY) or any(map(_conditional, found)):
            return None
        read = [*(_intervals(found, length) if bounds else map(_element, found))]
        return (
            tuple(sorted(read, key=lambda element: (not element.first, element.first))) if len(read) <= MANY else None
        )


def _conditional(found: Attributes) -> bool:
    """Whether more than the key decides on an element: a limit, a quota, an object."""
    expressions = [attributes(each) for each in elements(found.get(11, b""))]
    expressions += [attributes(found[7])] if 7 in found else []
    return 9 in found or any(text(each[1]) not in _INNOCENT for each in expressions)


def _element(found: Attributes) -> Element:
    first = _key(found, 1)
    data = attributes(found.get(2, b""))
    return Element(first, _key(found, 10) or first, data.get(1, b""), attributes(data.get(2, b"")))


def _key(found: Attributes, which: int) -> bytes:
    return attributes(found.get(which, b"")).get(1, b"")


def _intervals(found: Iterable[Attributes], length: int) -> Iterator[Element]:
    """Give intervals that are kept as their bounds: each reaches to the next bound, which it does not include."""
    marked = [(_key(each, 1), not _flag(each, _END), each) for each in found if not _flag(each, _CATCHALL)]
    bounds = sorted(marked, key=lambda bound: bound[:2])
    ends = [key for key, _, _ in bounds][1:]
    for (_, starts, each), end in zip(bounds, [*ends, b""], strict=True):
        if starts:
            last = (int.from_bytes(end, "big") - 1).to_bytes(length, "big") if end else b"\xff" * length
            yield replace(_element(each), last=last)
    yield from (_element(each) for each in found if _flag(each, _CATCHALL))


def _flag(found: Attributes, flag: int) -> bool:
    return bool(number(found.get(3, b"")) & flag)
