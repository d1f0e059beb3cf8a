"""Instructions of nftables as the kernel tells them (linux/netfilter/nf_tables.h), and what a rule of them says."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from netplan.netfilter.nftables.expression import Expression, terminated
from netplan.netfilter.nftables.lookup import LookUp
from netplan.netfilter.nftables.translate import translated
from netplan.system.netlink.wire import attribute

NETWORK, TRANSPORT = 1, 2
ETHERTYPE, MARK, OIF, IIFNAME, OIFNAME, NFPROTO, L4PROTO = 1, 3, 5, 6, 7, 15, 16
EQUAL, UNEQUAL = 0, 1


def number(value: int) -> bytes:
    """Write a number as nftables does."""
    return struct.pack("!i" if value < 0 else "!I", value)


def instruction(name: str, **operands: int | bytes) -> Expression:
    """Make an instruction with operands by their numbers, as `_1=...`."""
    given = {int(key[1:]): value for key, value in operands.items()}
    return Expression(name, {key: value if isinstance(value, bytes) else number(value) for key, value in given.items()})


def data(value: bytes) -> bytes:
    """Write data to compare with, or to mask with."""
    return attribute(1, value)


def payload(base: int, offset: int, length: int, register: int = 1) -> Expression:
    """Load bytes of a header."""
    return instruction("payload", _1=register, _2=base, _3=offset, _4=length)


def meta(key: int, register: int = 1) -> Expression:
    """Load what is known of a packet."""
    return instruction("meta", _1=register, _2=key)


def compare(value: bytes, operator: int = EQUAL, register: int = 1) -> Expression:
    """Go on if a register holds a value."""
    return instruction("cmp", _1=register, _2=operator, _3=data(value))


def bitwise(mask: bytes, flip: bytes, register: int = 1) -> Expression:
    """Mask a register, and turn bits of it round."""
    return instruction("bitwise", _1=register, _2=register, _3=len(mask), _4=data(mask), _5=data(flip))


def verdict(code: int, chain: str = "") -> bytes:
    """Write a verdict, which may lead to a chain."""
    return attribute(1, number(code)) + (attribute(2, terminated(chain)) if chain else b"")


def decide(code: int, chain: str = "") -> Expression:
    """End a rule by a verdict."""
    return instruction("immediate", _1=0, _2=attribute(2, verdict(code, chain)))


ACCEPT = decide(1)


def words(
    *rule: Expression, look_up: LookUp = lambda _: None, devices: Mapping[int, str] | None = None, version: int = 4
) -> list[str]:
    """Return what a rule is in iptables' words."""
    return [str(result) for result in translated(rule, look_up, devices or {}, version).rules]
