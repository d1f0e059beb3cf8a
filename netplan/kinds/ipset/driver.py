"""Sets in the kernel, through its netfilter (linux/netfilter/ipset/ip_set.h): no `ipset` program is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from netplan.kinds.ipset.value import DIMENSIONS, LIST, IpSet, Member, Part, Port
from netplan.net import Address, Prefix
from netplan.netfilter.iptables.operands import BITS
from netplan.system.netlink import netfilter
from netplan.system.netlink.netfilter import Message, number
from netplan.system.netlink.wire import Attributes, attribute, attributes, elements, text

LARGEST: Final = 10_000
"""How many members are read of a set; of a larger one none."""

_IPSET, _LIST, _PROTOCOL = 6, 7, 6
_IPV4: Final = 2
_VERSIONS: Final = {_IPV4: 4, 10: 6}
_HEADER_ONLY: Final = 0x4

# Attributes of a message, of a set's header and of a member.
_SETNAME, _TYPENAME, _FAMILY, _FLAGS, _HEADER, _MEMBERS = 2, 3, 5, 6, 7, 8
_BITMASK, _NETMASK, _COUNT = 12, 20, 24
_IP, _CIDR, _PORT, _PROTO, _MEMBER_FLAGS, _NAME, _IP2, _CIDR2, _IFACE = 1, 3, 4, 7, 8, 18, 20, 21, 23

_PHYSDEV, _NOMATCH, _WILDCARD = 0x2, 0x4, 0x80


def observe(names: Iterable[str]) -> Iterator[IpSet]:
    """Read the named sets that exist, and those that they list."""
    waiting = sorted(names)
    seen = set(waiting)
    while waiting:
        ipset = _read(waiting.pop())
        if ipset is None:
            continue
        yield ipset
        if ipset.type == LIST:
            below = {str(member.parts[0]) for member in ipset.members} - seen
            waiting += sorted(below)
            seen |= below


def _read(name: str) -> IpSet | None:
    """Read a set; None if there is none of that name."""
    headers = _dump(name, _HEADER_ONLY)
    if not headers:
        return None
    heading = headers[0].attributes
    kind, header = text(heading[_TYPENAME]), attributes(heading.get(_HEADER, b""))
    version = _VERSIONS.get(number(heading.get(_FAMILY, b"")), 0)
    members: list[Member | None] = [None]
    if kind in DIMENSIONS and _BITMASK not in header and number(header.get(_COUNT, b"")) <= LARGEST:
        length = number(header[_NETMASK]) if _NETMASK in header else None
        members = [_member(attributes(data), DIMENSIONS[kind], length) for data in _members(name)]
    known = tuple(sorted((member for member in members if member is not None), key=str))
    if len(known) < len(members):
        return IpSet(name, kind, version, unread=True)
    return IpSet(name, kind, version, known)


def _members(name: str) -> Iterator[bytes]:
    for message in _dump(name, 0):
        yield from elements(message.attributes.get(_MEMBERS, b""))


def _dump(name: str, flags: int) -> list[Message]:
    wanted = attribute(1, bytes([_PROTOCOL])) + attribute(_SETNAME, name.encode("utf-8", "surrogateescape") + b"\0")
    return netfilter.dump(_IPSET, _LIST, _IPV4, wanted + attribute(_FLAGS, flags.to_bytes(4, "big")))


def _member(data: Attributes, dimensions: tuple[str, ...], length: int | None) -> Member | None:
    """Return a member, None if it is not understood; `length` is that of the networks to which it rounds addresses."""
    networks = iter([(_IP, _CIDR), (_IP2, _CIDR2)])
    flags = number(data.get(_MEMBER_FLAGS, b""))
    parts: list[Part] = []
    for dimension in dimensions:
        if dimension == "net":
            parts.append(_network(data, *next(networks), length))
        elif dimension == "port":
            parts.append(Port(number(data[_PROTO]), number(data[_PORT])))
        elif dimension == "iface":
            device = text(data[_IFACE])
            if device.endswith("+") or flags & _PHYSDEV:
                return None
            parts.append(device + "+" * bool(flags & _WILDCARD))
        else:
            parts.append(text(data[_NAME]))
    return Member(tuple(parts), bool(flags & _NOMATCH))


def _network(data: Attributes, address: int, prefix_length: int, default: int | None) -> Prefix:
    packed = next(iter(attributes(data[address]).values()))
    version = 4 if len(packed) == 4 else 6
    length = number(data[prefix_length]) if prefix_length in data else default
    return Prefix(version, Address(version, number(packed)).value, BITS[version] if length is None else length)
