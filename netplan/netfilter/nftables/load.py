"""What a rule of nftables loads into its registers to compare it, as far as iptables has words for it."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from netplan.netfilter.nftables.expression import Expression

_NETWORK, _TRANSPORT = 1, 2
_BASES: Final = {0: "link", _NETWORK: "network", _TRANSPORT: "transport"}
_META: Final = {
    1: ("ethertype", 2),
    3: ("mark", 4),
    4: ("iif", 4),
    5: ("oif", 4),
    6: ("iifname", 16),
    7: ("oifname", 16),
    15: ("nfproto", 1),
    16: ("l4proto", 1),
    19: ("pkttype", 1),
    25: ("secpath", 1),
}
_CT: Final = {0: ("ct state", 4), 1: ("ct direction", 1), 2: ("ct status", 4), 3: ("ct mark", 4)}
_FIB_OIF, _FIB_ADDRTYPE = 1, 3
_FIB_SOURCE, _FIB_MARK, _FIB_IIF, _FIB_PRESENT = 1, 4, 8, 32
_FIB_FLAGS: Final = {
    1: "fib src", 2: "fib dst", 9: "fib src in", 10: "fib dst in", 17: "fib src out", 18: "fib dst out",
}  # fmt: skip
_ETHERTYPE_OFFSET: Final = 12


class Load(NamedTuple):
    """What a register holds: `length` bytes at an offset of a header, or of what is known of a packet.

    Of the bytes those in `mask` count, all of them if it is empty, and those in `flip` were turned round.
    """

    what: str
    length: int
    offset: int = 0
    mask: bytes = b""
    flip: bytes = b""


def loaded(expression: Expression) -> Load | None:
    """Return what an instruction loads into a register, None if iptables has no word for it."""
    if expression.name == "payload":
        base, offset, length = (expression.number(operand) for operand in (2, 3, 4))
        if base == 0:
            return Load("ethertype", 2) if (offset, length) == (_ETHERTYPE_OFFSET, 2) else None
        return Load(_BASES[base], length, offset) if base in _BASES else None
    if expression.name == "fib":
        return _looked_up(expression.number(2), expression.number(3))
    if expression.name == "socket":
        return Load("socket transparent", 1) if expression.number(1) == 0 else None
    key = expression.number(2)
    if expression.name == "ct" and key > 1 and 3 in expression.operands:
        return None
    named = {"meta": _META, "ct": _CT}[expression.name].get(key)
    return None if named is None else Load(*named)


def _looked_up(result: int, flags: int) -> Load | None:
    """Return what is looked up of an address: its type, or by which device an answer to the source would leave."""
    if result == _FIB_ADDRTYPE:
        return Load(_FIB_FLAGS[flags], 4) if flags in _FIB_FLAGS else None
    if result != _FIB_OIF or flags & ~(_FIB_MARK | _FIB_IIF | _FIB_PRESENT) != _FIB_SOURCE:
        return None
    options = f"{'' if flags & _FIB_IIF else ' --loose'}{' --validmark' if flags & _FIB_MARK else ''}"
    return Load(f"{'' if flags & _FIB_PRESENT else 'index '}rpfilter{options}", 4)


def native(value: bytes) -> int:
    """Read a number in the byte order of this machine, which that of a mark is."""
    return int(struct.unpack("=I", value)[0])
