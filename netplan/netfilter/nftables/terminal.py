"""The statements of nftables that end a rule, as targets of iptables: verdicts, address translation, rejection.

`-j nft-unknown` stands for what may do anything to a packet.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from netplan.net import Address
from netplan.netfilter.iptables.names import DCCP, SCTP, TCP, UDP
from netplan.netfilter.iptables.targets import TARGET_EXTENSIONS
from netplan.netfilter.nftables.expression import Expression
from netplan.netfilter.nftables.family import FAMILIES
from netplan.netfilter.nftables.load import Load
from netplan.netfilter.nftables.path import Path
from netplan.system.netlink.netfilter import number
from netplan.system.netlink.wire import Attributes, attributes, text

UNKNOWN_TARGET: Final = "-j nft-unknown"
_ANYWHERE: Final = {4: "0.0.0.0/0", 6: "::/0"}
_VERDICTS: Final = {0: "-j DROP", 1: "-j ACCEPT", -5: "-j RETURN"}
_JUMPS: Final = {-3: "-j", -4: "-g"}
_CONTINUE: Final = -1
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:-]{0,27}")
_NAT_TARGETS: Final = (("SNAT", "--to-source"), ("DNAT", "--to-destination"))
_NUMBERS: Final = frozenset(family.number for family in FAMILIES.values())
_PORTS_SHIFTED: Final = 0x20
_WITH_PORTS: Final = frozenset({TCP, UDP, SCTP, DCCP})


def immediate(path: Path, expression: Expression) -> Path:
    """Read a verdict, or data that goes into a register."""
    if expression.number(1) != 0:
        return path.holding(expression.number(1), expression.value(2))
    return decided(path, attributes(attributes(expression.operands[2]).get(2, b"")))


def decided(path: Path, verdict: Attributes) -> Path:
    """End the rule with a verdict, which may lead to a chain."""
    code = number(verdict[1], signed=True)
    if code in _JUMPS:
        name = text(verdict[2])
        return path.ending(f"{_JUMPS[code]} {chain_word(name)}", name)
    if code == _CONTINUE:
        return replace(path, ended=True)
    return path.ending(_VERDICTS.get(code, UNKNOWN_TARGET))


def chain_word(name: str) -> str:
    """Return a chain's name as rules can say it: a long one, or no plain word, gets another, always the same."""
    if _PLAIN_NAME.fullmatch(name) and name not in TARGET_EXTENSIONS:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9_]', '_', name)[:18]}.{digest}"


def address_translated(path: Path, expression: Expression) -> Path:
    """Read snat and dnat; where they lead to an address or a port that is not known, they may lead anywhere.

    In a table for both IP versions one that names addresses of the other lets packets go on (nft_nat_inet_eval).
    """
    if expression.number(2) in _NUMBERS - {path.conditions.family.number}:
        return path
    if expression.number(1) == 0 and _is_own_source(path, expression):
        return path.ending(f"-j NETMAP --to {_ANYWHERE[path.conditions.family.version]}")
    name, option = _NAT_TARGETS[expression.number(1)]
    to = _nat_range(path, expression)
    return path.ending(f"-j {name} --to-nft" if to is None else f"-j {name} {option} {to}")


def _is_own_source(path: Path, expression: Expression) -> bool:
    """Whether packets are given the source that they have: what NETMAP does whose network has no bits."""
    family, register = path.conditions.family, expression.number(3)
    alone = expression.operands.keys() <= {1, 2, 3, 4, 7} and expression.number(4, register) == register
    return alone and path.load(register) == Load("network", family.address_size, family.addresses.start)


def _nat_range(path: Path, expression: Expression) -> str | None:
    family = path.conditions.family
    addresses = [
        path.data(expression.number(operand), family.address_size)
        for operand in (3, 4)
        if operand in expression.operands
    ]
    ports = [path.data(expression.number(operand), 2) for operand in (5, 6) if operand in expression.operands]
    unknown = None in addresses or None in ports or not (addresses or ports)
    if unknown or expression.number(7, 0) & _PORTS_SHIFTED or (ports and path.conditions.protocol not in _WITH_PORTS):
        return None
    span = "-".join(str(Address(family.version, number(address))) for address in addresses if address is not None)
    return (f"[{span}]" if family.version == 6 and span and ports else span) + _ports(":", ports)


def redirect(path: Path, expression: Expression) -> Path:
    """Read the redirection to this node, at a port that the rule says or at the packet's own."""
    ports = [path.data(expression.number(operand), 2) for operand in (1, 2) if operand in expression.operands]
    if None in ports or (ports and path.conditions.protocol not in _WITH_PORTS):
        return path.ending("-j REDIRECT --to-nft")
    return path.ending(f"-j REDIRECT{_ports(' --to-ports ', ports)}")


def _ports(before: str, ports: Sequence[bytes | None]) -> str:
    numbers = [str(number(port)) for port in ports if port is not None]
    return before + "-".join(dict.fromkeys(numbers)) if numbers else ""


def reject(path: Path, expression: Expression) -> Path:
    """Read a rejection and what it answers with."""
    kind, code = expression.number(1, 0), expression.number(2)
    if kind == 1 and path.conditions.protocol == TCP:
        return path.ending("-j REJECT --reject-with tcp-reset")
    family = path.conditions.family
    answer = family.refusals_of_any[code] if kind == 2 and code in range(4) else family.refusals.get(code)
    return path.ending(f"-j REJECT --reject-with {answer or family.refusals_of_any[1]}")
