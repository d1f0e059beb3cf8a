"""Rules of nftables in the terms of iptables, as far as these can say it.

`-m nft` stands for conditions that they can't say: they hold for some packets. `-j nft-unknown` stands for what may do
anything to a packet: a verdict that a map decides, or a target that is not known here.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.targets import TARGETS
from netplan.kinds.native.expression import Expression
from netplan.net import Address, if_name
from netplan.nfnetlink import Attributes, attributes, number, text

_NETWORK: Final = 1
_ADDRESSES: Final = {12: "-s", 16: "-d"}
_PROTOCOL_OFFSET: Final = 9
_MARK, _IIFNAME, _OIFNAME, _NFPROTO, _L4PROTO = 3, 6, 7, 15, 16
_EQUAL, _UNEQUAL = 0, 1
_IPV4: Final = b"\x02"
_VERDICTS: Final = {0: "-j DROP", 1: "-j ACCEPT", -5: "-j RETURN"}
_JUMPS: Final = {-3: "-j", -4: "-g"}
_SILENT: Final = frozenset({"counter", "log", "notrack", "last"})
_TARGETS: Final = {
    "masq": "-j MASQUERADE",
    "redir": "-j REDIRECT",
    "reject": "-j REJECT",
    "queue": "-j NFQUEUE",
}
_NAT_TARGETS: Final = ("-j SNAT --to-nft", "-j DNAT --to-nft")
_EXTENSIONS: Final = {
    "MASQUERADE": "-j MASQUERADE",
    "SNAT": _NAT_TARGETS[0],
    "DNAT": _NAT_TARGETS[1],
    "REDIRECT": "-j REDIRECT",
    "REJECT": "-j REJECT",
    "LOG": "",
    "NFLOG": "",
}
_MARKING: Final = frozenset({"MARK", "CONNMARK"})
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:-]{0,27}")
_UNKNOWN_TARGET: Final = "-j nft-unknown"
_UNSAID: Final = "-m nft"
_NEVER: Final = "-m nft --for ipv6"


def translated(rule: Sequence[Expression]) -> Rule:
    """Give a rule of nftables as a rule of iptables; one that no IPv4 packet meets does nothing."""
    reader = _Reader()
    for expression in rule:
        reader.read(expression)
    return reader.rule()


def jumps(rule: Sequence[Expression]) -> Iterator[str]:
    """Give the names of the chains that a rule leads to, but for those that it finds in a map."""
    for expression in rule:
        verdict = _verdict(expression)
        if 2 in verdict:
            yield text(verdict[2])


def _verdict(each: Expression) -> Attributes:
    """Give the code and the chain of a verdict; nothing if the instruction is another."""
    if each.name != "immediate" or each.number(1) != 0:
        return {}
    return attributes(attributes(each.operands[2]).get(2, b""))


class _Reader:
    """Collects a rule's words; `loaded` holds what each register has, with the mask put on it."""

    def __init__(self) -> None:
        self.conditions: dict[str, str] = {}
        self.unsaid = False
        self.never = False
        self.marks = False
        self.target = ""
        self.loaded: dict[int, tuple[Expression, bytes]] = {}

    def rule(self) -> Rule:
        """Give the rule."""
        if self.never:
            return Rule.parse(_NEVER)
        words = [*self.conditions.values(), *([_UNSAID] if self.unsaid else [])]
        return Rule.parse(" ".join([*words, self._target()]))

    def _target(self) -> str:
        """Give the target; one that marks a packet and goes on with it elsewhere is none that iptables has."""
        if not self.marks or self.target in ("-j ACCEPT", "-j DROP"):
            return self.target
        return _UNKNOWN_TARGET if self.target else "-j MARK --set-xmark 0x0/0x0"

    def read(self, each: Expression) -> None:
        """Take in one instruction."""
        readers = {
            "payload": self._load,
            "meta": self._meta,
            "bitwise": self._mask,
            "cmp": self._compare,
            "immediate": self._decide,
            "lookup": self._look_up,
            "match": self._match,
            "target": self._extension,
            "nat": self._translate,
        }
        if each.name in readers:
            readers[each.name](each)
        elif each.name in _TARGETS:
            self.target = _TARGETS[each.name]
        elif each.name not in _SILENT:
            self.unsaid = True

    def _load(self, each: Expression) -> None:
        if 1 in each.operands:
            self.loaded[each.number(1)] = (each, b"")

    def _meta(self, each: Expression) -> None:
        self._load(each)
        self.marks = self.marks or (3 in each.operands and each.number(2) == _MARK)

    def _look_up(self, each: Expression) -> None:
        self.unsaid = True
        if each.number(3) == 0:  # what is found is a verdict
            self.target = _UNKNOWN_TARGET

    def _translate(self, each: Expression) -> None:
        self.target = _NAT_TARGETS[each.number(1)]

    def _match(self, each: Expression) -> None:
        """Read a match of iptables by its name alone."""
        self.unsaid = self.unsaid or text(each.operands[1]) != "comment"

    def _mask(self, each: Expression) -> None:
        load, before = self.loaded.pop(each.number(1), (None, b""))
        if load is not None and not before and each.number(6, 0) == 0 and not any(each.value(5)):
            self.loaded[each.number(2)] = (load, each.value(4))

    def _decide(self, each: Expression) -> None:
        verdict = _verdict(each)
        if not verdict:
            return
        code = number(verdict[1], signed=True)
        if code in _JUMPS:
            self.target = f"{_JUMPS[code]} {chain_word(text(verdict[2]))}"
        else:
            self.target = _VERDICTS.get(code, "")

    def _extension(self, each: Expression) -> None:
        """Read a target of iptables by its name alone."""
        name = text(each.operands[1])
        if name in _MARKING:
            self.marks = True
        else:
            self.target = _EXTENSIONS.get(name, _UNKNOWN_TARGET)

    def _compare(self, each: Expression) -> None:
        load, mask = self.loaded.get(each.number(1), (None, b""))
        operator, value = each.number(2), each.value(3)
        said = None
        if load is not None and operator in (_EQUAL, _UNEQUAL):
            if load.name == "meta" and load.number(2) == _NFPROTO:
                self.never = self.never or (value == _IPV4) != (operator == _EQUAL)
                return
            said = _condition(load, mask, value)
        if said is None or said[0] in self.conditions:
            self.unsaid = True
        else:
            option, words = said
            self.conditions[option] = _negated(words) if operator == _UNEQUAL else words


def _negated(words: str) -> str:
    """Turn a condition round; the `!` of a mark stands behind its match."""
    if words.startswith("-m mark ! "):
        return words.replace("! ", "", 1)
    return words.replace("--mark", "! --mark", 1) if words.startswith("-m mark") else f"! {words}"


def _condition(load: Expression, mask: bytes, value: bytes) -> tuple[str, str] | None:
    """Give the option of a comparison and its words, None if iptables has none for it."""
    if load.name == "payload":
        return _header(load.number(2), load.number(3), mask, value)
    key = load.number(2)
    if key == _MARK:
        return "mark", _mark(value, mask)
    if key == _L4PROTO and not mask:
        return "-p", f"-p {value[0]}"
    option = {_IIFNAME: "-i", _OIFNAME: "-o"}.get(key)
    name = None if option is None or mask else _interface(value)
    return None if option is None or name is None else (option, f"{option} {name}")


def _header(base: int, offset: int, mask: bytes, value: bytes) -> tuple[str, str] | None:
    if base != _NETWORK:
        return None
    if offset == _PROTOCOL_OFFSET and len(value) == 1 and not mask:
        return "-p", f"-p {value[0]}"
    if offset not in _ADDRESSES or len(value) > 4:
        return None
    option = _ADDRESSES[offset]
    address, bits = value.ljust(4, b"\0"), (mask or b"\xff" * len(value)).ljust(4, b"\0")
    return option, f"{option} {Address(4, number(address))}/{Address(4, number(bits))}"


def _interface(value: bytes) -> str | None:
    """Give an interface's name; without the NUL at its end it is the beginning of one."""
    name = value.rstrip(b"\0").decode("ascii", "replace")
    try:
        return if_name(name) if value.endswith(b"\0") else f"{if_name(name)}+"
    except ValueError:
        return None


def _mark(value: bytes, mask: bytes) -> str:
    """Write a mark; that one bit is not set is said as iptables says it."""
    (marked,) = struct.unpack("=I", value)
    bits = struct.unpack("=I", mask)[0] if mask else 0xFFFFFFFF
    if marked == 0 and bits.bit_count() == 1:
        return f"-m mark ! --mark {bits:#x}/{bits:#x}"
    return f"-m mark --mark {marked:#x}/{bits:#x}"


def chain_word(name: str) -> str:
    """Give a chain's name as rules can say it: one that is too long or no plain word gets another, always the same."""
    if _PLAIN_NAME.fullmatch(name) and name not in TARGETS:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9_]', '_', name)[:18]}.{digest}"
