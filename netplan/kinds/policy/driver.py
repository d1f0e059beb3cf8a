"""Rules of policy routing in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pyroute2 import IPRoute

from netplan.kinds.chain.values import Masked
from netplan.kinds.policy.value import PolicyRule
from netplan.kinds.route.value import MAIN_TABLE
from netplan.net import Prefix

_ACTIONS: Final = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_INVERT: Final = 0x2
_NONE: Final = 0xFFFFFFFF
_ANY: Final = "0.0.0.0"  # noqa: S104 - an address in a prefix, not one to listen on
_READ: Final = frozenset(
    {"TABLE", "PRIORITY", "SRC", "DST", "FWMARK", "FWMASK", "IIFNAME", "OIFNAME", "GOTO", "SUPPRESS_PREFIXLEN"}
    | {"PROTOCOL", "FLOW", "PAD"}  # who made it, and what packets are counted as
)


def observe(netlink: IPRoute) -> Iterator[PolicyRule]:
    """Read the rules for IPv4 in the order in which the kernel asks them."""
    for message in netlink.get_rules(family=socket.AF_INET):
        found = {name.removeprefix("FRA_"): value for name, value in message["attrs"]}
        suppress = found.get("SUPPRESS_PREFIXLEN", _NONE)
        action = _ACTIONS.get(message["action"])
        yield PolicyRule(
            priority=found.get("PRIORITY", 0),
            table=found.get("TABLE", message["table"]) if action == "lookup" else MAIN_TABLE,
            action=action or "blackhole",
            source=_prefix(found.get("SRC", _ANY), message["src_len"]),
            destination=_prefix(found.get("DST", _ANY), message["dst_len"]),
            tos=message["tos"],
            mark=_mark(found),
            iif=found.get("IIFNAME"),
            oif=found.get("OIFNAME"),
            negated=bool(message["flags"] & _INVERT),
            goto=found.get("GOTO", 0),
            suppress=None if suppress == _NONE else suppress,
            unread=action is None or any(name not in _READ for name in found),
        )


def _prefix(address: str, length: int) -> Prefix | None:
    return Prefix.parse(f"{address}/{length}") if length else None


def _mark(found: Mapping[str, Any]) -> Masked | None:
    """Give the mark and its mask; the kernel tells of each only if it is not 0."""
    mask = found.get("FWMASK", _NONE if "FWMARK" in found else 0)
    return Masked(found.get("FWMARK", 0), mask) if mask else None
