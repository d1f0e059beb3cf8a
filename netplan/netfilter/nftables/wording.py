"""What nftables compares that is no number of a header, in the words of iptables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from netplan.net import if_name
from netplan.netfilter.nftables.load import Load, native

_ADDRESS_TYPES: Final = (
    "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW",
)  # fmt: skip
_STATES: Final = {1: "INVALID", 2: "ESTABLISHED", 4: "RELATED", 8: "NEW", 64: "UNTRACKED"}
_STATUSES: Final = {16: "SNAT", 32: "DNAT"}
_VALUES: Final = {
    "ct direction": {0: "conntrack --ctdir ORIGINAL", 1: "conntrack --ctdir REPLY"},
    "pkttype": {0: "pkttype --pkt-type unicast", 1: "pkttype --pkt-type broadcast", 2: "pkttype --pkt-type multicast"},
    "secpath": {0: "policy --dir in --pol none", 1: "policy --dir in --pol ipsec"},
    "socket transparent": {1: "socket --transparent"},
}
"""What of the values of one byte iptables has words for."""


def said(load: Load, first: bytes, last: bytes, devices: Mapping[int, str]) -> str | None:
    """Say a condition on what is no number, with `!` before it if it is the other way round, None if nothing can."""
    if load.what in ("iifname", "oifname"):
        name = None if load.mask else _interface(first, last)
        return None if name is None else f"-{load.what[0]} {name}"
    if first != last or len(first) != load.length:
        return None
    if load.what in ("ct state", "ct status"):
        return _flags(native(first), native(load.mask) if load.mask else None, of_state=load.what == "ct state")
    return None if load.mask else _said_plainly(load.what, first, devices)


def _said_plainly(what: str, value: bytes, devices: Mapping[int, str]) -> str | None:
    """Say that something is one value."""
    if what in _VALUES:
        words = _VALUES[what].get(value[0])
        return None if words is None else f"-m {words}"
    if "rpfilter" in what:
        way_back = f"-m {what.removeprefix('index ')}"
        return f"{way_back} --invert" if not any(value) else None if what.startswith("index") else way_back
    if what in ("iif", "oif"):
        device = devices.get(native(value))
        return None if device is None else f"-{what[0]} {device}"
    if not what.startswith("fib") or native(value) >= len(_ADDRESS_TYPES):
        return None
    side, _, limit = what.removeprefix("fib ").partition(" ")
    limited = f" --limit-iface-{limit}" if limit else ""
    return f"-m addrtype --{side}-type {_ADDRESS_TYPES[native(value)]}{limited}"


def _flags(value: int, mask: int | None, *, of_state: bool) -> str | None:
    """Say conntrack's state, of which a packet has one, or some of what was translated of its connection."""
    known = _STATES if of_state else _STATUSES
    if mask is None and of_state:
        return f"-m conntrack --ctstate {known[value]}" if value in known else None
    bits = mask or 0
    named = [name for bit, name in known.items() if bits & bit]
    if value != 0 or not named or bits != sum(bit for bit in known if bits & bit):
        return None
    return f"! -m conntrack --ctstate {','.join(named)}"


def _interface(first: bytes, last: bytes) -> str | None:
    """Return an interface's name; without the NUL at its end it is the beginning of one."""
    begun = first
    while not last.startswith(begun):
        begun = begun[:-1]
    if first[len(begun) :].strip(b"\0") or last[len(begun) :].strip(b"\xff"):
        return None
    name = begun.rstrip(b"\0").decode("ascii", "replace")
    try:
        return if_name(name) if begun.endswith(b"\0") else f"{if_name(name)}+"
    except ValueError:
        return None
