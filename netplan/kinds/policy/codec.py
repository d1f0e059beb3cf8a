"""Rules of policy routing as messages of rtnetlink(7)."""

from __future__ import annotations

from typing import Final

from netplan.kinds.policy.value import PolicyRule
from netplan.kinds.route.value import MAIN_TABLE
from netplan.net import Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.system.netlink.route import FAMILIES, Message, address, u32
from netplan.system.netlink.wire import Attributes, text

# FRA_*, linux/fib_rules.h
_DST: Final = 1
_SRC: Final = 2
_IIFNAME: Final = 3
_GOTO: Final = 4
_PRIORITY: Final = 6
_FWMARK: Final = 10
_FLOW: Final = 11
_SUPPRESS_PREFIXLEN: Final = 14
_TABLE: Final = 15
_FWMASK: Final = 16
_OIFNAME: Final = 17
_PAD: Final = 18
_PROTOCOL: Final = 21

_ACTIONS: Final = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_INVERT: Final = 0x2
_NONE: Final = 0xFFFFFFFF
_READ: Final = frozenset(
    {_TABLE, _PRIORITY, _SRC, _DST, _FWMARK, _FWMASK, _IIFNAME, _OIFNAME, _GOTO, _SUPPRESS_PREFIXLEN}
    | {_PROTOCOL, _FLOW, _PAD}  # who made it, and what packets are counted as
)

ALL: Final = {version: (family, 0, 0, 0, 0, 0, 0) for version, family in FAMILIES.items()}
"""The fields of the message that asks for the rules of an IP version."""


def decode(message: Message) -> PolicyRule:
    """Read a rule."""
    family, dst_len, src_len, tos, table, number, flags = message.fields
    data = message.attributes
    suppress = _number(data, _SUPPRESS_PREFIXLEN, _NONE)
    action = _ACTIONS.get(number)
    return PolicyRule(
        priority=_number(data, _PRIORITY, 0),
        table=_number(data, _TABLE, table) if action == "lookup" else MAIN_TABLE,
        action=action or "blackhole",
        source=_prefix(data, _SRC, src_len),
        destination=_prefix(data, _DST, dst_len),
        tos=tos,
        mark=_mark(data),
        iif=text(data[_IIFNAME]) if _IIFNAME in data else None,
        oif=text(data[_OIFNAME]) if _OIFNAME in data else None,
        negated=bool(flags & _INVERT),
        goto=_number(data, _GOTO, 0),
        suppress=None if suppress == _NONE else suppress,
        unread=action is None or not _READ.issuperset(data),
        version=next(version for version, number in FAMILIES.items() if number == family),
    )


def _number(data: Attributes, kind: int, default: int) -> int:
    return u32(data[kind]) if kind in data else default


def _prefix(data: Attributes, kind: int, length: int) -> Prefix | None:
    if not length:
        return None
    first = address(data[kind])
    return Prefix(first.version, first.value, length)


def _mark(data: Attributes) -> Masked | None:
    """Return the mark and its mask; the kernel tells of each only if it is not 0."""
    mask = _number(data, _FWMASK, _NONE if _FWMARK in data else 0)
    return Masked(_number(data, _FWMARK, 0), mask) if mask else None
