"""Which of its IPv6 addresses a node takes as a source (RFC 6724, net/ipv6/addrconf.c, ipv6_dev_get_saddr)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from netplan.kinds.address.value import LinkAddress
from netplan.net import BITS, Address, Prefix

_LINK, _GLOBAL = 2, 14
_LINK_LOCAL: Final = Prefix.parse("fe80::/10")
_LABELS: Final = {
    Prefix.parse("::1/128"): 0,
    Prefix.parse("fc00::/7"): 13,
    Prefix.parse("2002::/16"): 2,
    Prefix.parse("2001::/32"): 5,
    Prefix.parse("::ffff:0:0/96"): 4,
    Prefix.parse("::/96"): 3,
}
_OTHER_LABEL: Final = 1


def ipv6_source(addresses: Iterable[LinkAddress], device: str, destination: Address) -> Address | None:
    """Choose a node's source for packets that leave by a device, None if there is none; of equals the first.

    Which addresses are deprecated or temporary is not known here: they count as the others do.
    """
    near = _scope(destination) == _LINK
    fitting = [
        address
        for address in addresses
        if address.link == device or not (near or _scope(address.address.address) == _LINK)
    ]
    best = max(fitting, key=lambda address: _rank(address, device, destination), default=None)
    return None if best is None else best.address.address


def _rank(candidate: LinkAddress, device: str, destination: Address) -> tuple[int, ...]:
    address = candidate.address.address
    scope, wanted = _scope(address), _scope(destination)
    return (
        address == destination,
        -scope if scope >= wanted else scope - _GLOBAL * 2,
        candidate.link == device,
        _label(address) == _label(destination),
        min(_common(address, destination), candidate.address.length),
    )


def _scope(address: Address) -> int:
    return _LINK if _LINK_LOCAL.contains(address) or address.value == 1 else _GLOBAL


def _label(address: Address) -> int:
    return next((label for prefix, label in _LABELS.items() if prefix.contains(address)), _OTHER_LABEL)


def _common(one: Address, other: Address) -> int:
    """Count the leading bits that two addresses have in common."""
    return BITS[6] - (one.value ^ other.value).bit_length()
