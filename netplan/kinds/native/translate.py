"""Rules of nftables in the terms of iptables, as far as these can say it.

`-m nft` stands for conditions that they can't say: they hold for some packets. `-j nft-unknown` stands for what may do
anything to a packet. A rule that looks packets up becomes as many rules as the set has elements, or the map: each of
them is what the rule is for the packets of one element.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final, NamedTuple

from netplan.kinds.chain.names import DCCP, SCTP, TCP, UDP
from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.targets import EXTENSIONS
from netplan.kinds.native.condition import Conditions, Load, loaded, native
from netplan.kinds.native.elements import MANY, Element
from netplan.kinds.native.expression import Expression
from netplan.kinds.native.family import FAMILIES, Family
from netplan.net import Address
from netplan.netlink import Attributes, attributes, text
from netplan.nfnetlink import number

LookUp = Callable[[str], Sequence[Element] | None]
"""Gives what a set holds by its name, None if nobody can say."""

_EQUAL, _UNEQUAL, _LESS, _AT_MOST, _MORE, _AT_LEAST = range(6)
_ORDERED: Final = frozenset({"network", "transport", "l4proto"})
_MARK: Final = 3
_VERDICTS: Final = {0: "-j DROP", 1: "-j ACCEPT", -5: "-j RETURN"}
_JUMPS: Final = {-3: "-j", -4: "-g"}
_CONTINUE: Final = -1
_SILENT: Final = frozenset({"counter", "log", "last", "flow_offload", "dup"})
_LOADS: Final = frozenset({"payload", "meta", "ct", "fib"})
_OTHER_LOADS: Final = {
    "exthdr": 1, "hash": 2, "numgen": 1, "osf": 1, "rt": 1, "socket": 2, "tunnel": 2, "xfrm": 1, "byteorder": 2,
}  # fmt: skip
"""What loads something that iptables has no word for, with the operand that names the register."""
_SILENT_OBJECTS: Final = frozenset({1, 3, 7, 8, 9})
_NAT_TARGETS: Final = (("SNAT", "--to-source"), ("DNAT", "--to-destination"))
_NUMBERS: Final = frozenset(family.number for family in FAMILIES.values())
_PORTS_SHIFTED: Final = 0x20
_EXTENSIONS: Final = {
    "MASQUERADE": "-j MASQUERADE",
    "SNAT": "-j SNAT --to-nft",
    "DNAT": "-j DNAT --to-nft",
    "REDIRECT": "-j REDIRECT --to-nft",
    "REJECT": "-j REJECT",
}
_SILENT_EXTENSIONS: Final = frozenset({"LOG", "NFLOG"})
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:-]{0,27}")
_UNKNOWN_TARGET: Final = "-j nft-unknown"
_LAST: Final = {
    "masq": "-j MASQUERADE",
    "queue": "-j NFQUEUE",
    **dict.fromkeys(("fwd", "synproxy", "tproxy"), _UNKNOWN_TARGET),
}
_NEVER: Final = "-m nft --never"
_ALL_BITS: Final = 0xFFFFFFFF
_WITH_PORTS: Final = frozenset({TCP, UDP, SCTP, DCCP})
_SLOT: Final = 4


class Translation(NamedTuple):
    """What a rule is in iptables' words, and the names of the chains that it may lead to."""

    rules: tuple[Rule, ...]
    leads_to: frozenset[str]


def translated(
    rule: Sequence[Expression], look_up: LookUp, devices: Mapping[int, str], version: int = 4
) -> Translation:
    """Give a rule of nftables as rules of iptables, or of ip6tables, at least one.

    One that no packet of the IP version meets does nothing. `devices` are the names of the interfaces by their indexes.
    """
    ways = [_Way(Conditions(devices, FAMILIES[version]))]
    for expression in rule:
        ways = [after for way in ways for after in _read(way, expression, look_up, MANY // len(ways))]
    said = [each for way in ways for each in way.texts()]
    leads_to = frozenset(way.chain for way in ways if way.chain and not way.conditions.impossible)
    return Translation(tuple(Rule.parse(text, version=version) for text in said or [_NEVER]), leads_to)


def _slot(register: int) -> int:
    """Give the number of the four bytes at which a register begins: the first ones are of sixteen bytes each."""
    return (register - 1) * 4 if register <= 4 else register - 8


@dataclass(frozen=True)
class _Way:
    """A rule as it is for some packets, until one of its instructions: `said` are rules that it has become already.

    `held` is what the registers have, by slots of four bytes: what was loaded, or data.
    """

    conditions: Conditions
    held: Mapping[int, Load | bytes | None] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    ended: bool = False
    chain: str = ""

    def texts(self) -> Iterator[str]:
        """Give the rules; none if no packet meets them."""
        if self.conditions.impossible:
            return
        yield from self.said
        if not self.said:
            yield str(self.conditions)

    def acting(self, target: str) -> _Way:
        """Give the rule with a target that lets packets go on."""
        return replace(self, said=(*self.said, f"{self.conditions} {target}"))

    def ending(self, target: str, chain: str = "") -> _Way:
        """Give the rule with its last target."""
        return replace(self.acting(target), ended=True, chain=chain)

    def vague(self) -> _Way:
        """Give the rule with a condition that iptables can't say."""
        return replace(self, conditions=self.conditions.vague())

    def holding(self, register: int, value: Load | bytes | None) -> _Way:
        """Give the rule with something in a register."""
        slot = _slot(register)
        held = dict(self.held)
        if isinstance(value, bytes):
            for at in range(0, len(value), _SLOT):
                held[slot + at // _SLOT] = value[at : at + _SLOT]
        else:
            held[slot] = value
        return replace(self, held=held)

    def load(self, register: int) -> Load | None:
        """Give what was loaded into a register."""
        found = self.held.get(_slot(register))
        return found if isinstance(found, Load) else None

    def data(self, register: int, length: int) -> bytes | None:
        """Give the data in a register, None if it depends on the packet or is shorter."""
        slot = _slot(register)
        parts = [self.held.get(slot + number) for number in range(-(-length // _SLOT))]
        found = b"".join(part for part in parts if isinstance(part, bytes))
        return found[:length] if len(found) >= length else None


def _read(way: _Way, each: Expression, look_up: LookUp, most: int) -> list[_Way]:
    """Read one instruction; a look-up gives a way for each element, unless there are more than `most`."""
    if way.ended or each.name in _SILENT:
        return [way]
    if each.name == "lookup":
        return _looked_up(way, each, look_up, most)
    if each.name in _OTHER_LOADS:
        return [way.holding(each.number(_OTHER_LOADS[each.name]), None)]
    if each.name in _LAST:
        return [way.ending(_LAST[each.name])]
    return [_READERS.get(each.name, _unknown)(way, each)]


def _unknown(way: _Way, _each: Expression) -> _Way:
    """Read what may stop some packets, and may load anything into a register."""
    return replace(way.vague(), held={})


def _load(way: _Way, each: Expression) -> _Way:
    """Read what loads something into a register, or sets a mark."""
    if 1 in each.operands:
        found = loaded(each)
        return way.holding(each.number(1), found)
    if each.name == "payload":
        return way.ending(_UNKNOWN_TARGET) if _rewrites(each, way.conditions.family) else way
    if each.number(2) != _MARK:
        return way
    return _marked(way, *_marking(way, each.name == "meta", each.number(3 if each.name == "meta" else 4)))


def _marked(way: _Way, *targets: str) -> _Way:
    """Go on with another mark: what was loaded of it before, and what was asked of it, no longer holds."""
    for target in targets:
        way = way.acting(target)
        way = replace(way, conditions=way.conditions.remarked())
    return replace(way, held={})


def _rewrites(each: Expression, family: Family) -> bool:
    """Whether an instruction writes into a packet what decides on its way: an address, a port."""
    base, offset, length = (each.number(operand) for operand in (2, 3, 4))
    addresses = family.addresses
    return base not in (0, 1) or (base == 1 and offset < addresses.stop and offset + length > addresses.start)


def _marking(way: _Way, of_packet: bool, register: int) -> Iterator[str]:  # noqa: FBT001
    """Say how a packet's mark, or its connection's, is set from a register.

    That is to a number, by changing bits of its own, or from the other mark.
    """
    target, own, other = ("MARK", "mark", "ct mark") if of_packet else ("CONNMARK", "ct mark", "mark")
    data, load = way.data(register, 4), way.load(register)
    if data is not None:
        yield f"-j {target} --set-xmark {native(data):#x}/{_ALL_BITS:#x}"
        return
    mask = native(load.mask) if load is not None and load.mask else _ALL_BITS
    flip = native(load.flip) if load is not None and load.flip else 0
    if load is not None and load.what == own:
        yield f"-j {target} --set-xmark {flip:#x}/{~mask & _ALL_BITS:#x}"
    elif load is not None and load.what == other:
        masks = (_ALL_BITS, mask) if of_packet else (mask, _ALL_BITS)
        copied = "restore" if of_packet else "save"
        yield f"-j CONNMARK --{copied}-mark --nfmask {masks[0]:#x} --ctmask {masks[1]:#x}"
        if flip:
            yield f"-j {target} --set-xmark {flip:#x}/0x0"
    else:
        yield f"-j {target} --set-nft"


def _mask(way: _Way, each: Expression) -> _Way:
    """Put a mask on what a register has, and turn bits round; what else is done with bits nobody here understands."""
    before, mask, flip = way.load(each.number(1)), each.value(4), each.value(5)
    if before is None or before.mask or before.flip or each.number(6, 0) != 0 or len(mask) != before.length:
        return way.holding(each.number(2), None)
    plain = not mask.strip(b"\xff")
    return way.holding(each.number(2), before._replace(mask=b"" if plain else mask, flip=flip if any(flip) else b""))


def _compare(way: _Way, each: Expression) -> _Way:
    """Read a comparison; one by order as a range that the value lies in, or outside of."""
    load, operator, value = way.load(each.number(1)), each.number(2), each.value(3)
    least, greatest = b"\0" * len(value), b"\xff" * len(value)
    first, last, negated = {
        _EQUAL: (value, value, False),
        _UNEQUAL: (value, value, True),
        _LESS: (value, greatest, True),
        _AT_MOST: (least, value, False),
        _MORE: (least, value, True),
        _AT_LEAST: (value, greatest, False),
    }[operator]
    ordered = operator not in (_EQUAL, _UNEQUAL)
    if ordered and (load is None or load.what not in _ORDERED):
        return way.vague()
    return replace(way, conditions=way.conditions.tested(load, first, last, negated=negated))


def _between(way: _Way, each: Expression) -> _Way:
    first, last = (attributes(each.operands.get(operand, b"")).get(1, b"") for operand in (3, 4))
    conditions = way.conditions.tested(way.load(each.number(1)), first, last, negated=each.number(2) == _UNEQUAL)
    return replace(way, conditions=conditions)


def _immediate(way: _Way, each: Expression) -> _Way:
    if each.number(1) != 0:
        return way.holding(each.number(1), each.value(2))
    return _decided(way, attributes(attributes(each.operands[2]).get(2, b"")))


def _decided(way: _Way, verdict: Attributes) -> _Way:
    code = number(verdict[1], signed=True)
    if code in _JUMPS:
        name = text(verdict[2])
        return way.ending(f"{_JUMPS[code]} {chain_word(name)}", name)
    if code == _CONTINUE:
        return replace(way, ended=True)
    return way.ending(_VERDICTS.get(code, _UNKNOWN_TARGET))


def _looked_up(way: _Way, each: Expression, look_up: LookUp, most: int) -> list[_Way]:
    """Go on for each element of a set; as one way that holds for some packets if that can't be said."""
    elements, register = look_up(text(each.operands[1])), each.number(2)
    if elements is None or len(elements) > most:
        return [_found_something(way, each)]
    if each.number(5, 0) & 1:  # what no element has
        return [reduce(lambda found, element: _keyed(found, register, element, negated=True), elements, way)]
    alone = len(elements) == 1
    ways = [_found(_keyed(way, register, element, alone=alone), each, element) for element in elements]
    return ways or [replace(way, conditions=replace(way.conditions, never=True), ended=True)]


def _found_something(way: _Way, each: Expression) -> _Way:
    """Go on with what nobody knows that a look-up finds."""
    if 3 not in each.operands:
        return way.vague()
    return way.vague().ending(_UNKNOWN_TARGET) if each.number(3) == 0 else way.vague().holding(each.number(3), None)


def _found(way: _Way, each: Expression, element: Element) -> _Way:
    if 3 not in each.operands:
        return way
    return _decided(way, element.verdict) if each.number(3) == 0 else way.holding(each.number(3), element.data)


def _keyed(way: _Way, register: int, element: Element, *, negated: bool = False, alone: bool = False) -> _Way:
    """Add that a packet is one of an element; of a key that changes, or that nobody knows, that it may be one."""
    if not element.first:
        return way if alone else way.vague()
    conditions, at, fields = way.conditions, 0, 0
    while at < len(element.first):
        load = way.held.get(_slot(register) + at // _SLOT)
        if not isinstance(load, Load) or load.what in ("mark", "ct mark"):
            return way.vague()
        part = slice(at, at + load.length)
        conditions = conditions.tested(load, element.first[part], element.last[part], negated=negated)
        at += -(-load.length // _SLOT) * _SLOT
        fields += 1
    return replace(way, conditions=conditions) if fields == 1 or not negated else way.vague()


def _translate(way: _Way, each: Expression) -> _Way:
    """Read snat and dnat; where they lead to an address or a port that is not known, they may lead anywhere.

    In a table for both IP versions one that names addresses of the other lets packets go on (nft_nat_inet_eval).
    """
    if each.number(2) in _NUMBERS - {way.conditions.family.number}:
        return way
    name, option = _NAT_TARGETS[each.number(1)]
    to = _nat_range(way, each)
    return way.ending(f"-j {name} --to-nft" if to is None else f"-j {name} {option} {to}")


def _nat_range(way: _Way, each: Expression) -> str | None:
    family = way.conditions.family
    addresses = [way.data(each.number(operand), family.address_size) for operand in (3, 4) if operand in each.operands]
    ports = [way.data(each.number(operand), 2) for operand in (5, 6) if operand in each.operands]
    unknown = None in addresses or None in ports or not (addresses or ports)
    if unknown or each.number(7, 0) & _PORTS_SHIFTED or (ports and way.conditions.protocol not in _WITH_PORTS):
        return None
    found = "-".join(str(Address(family.version, number(address))) for address in addresses if address is not None)
    return (f"[{found}]" if family.version == 6 and found and ports else found) + _ports(":", ports)


def _ports(before: str, ports: Sequence[bytes | None]) -> str:
    found = [str(number(port)) for port in ports if port is not None]
    return before + "-".join(dict.fromkeys(found)) if found else ""


def _redirect(way: _Way, each: Expression) -> _Way:
    ports = [way.data(each.number(operand), 2) for operand in (1, 2) if operand in each.operands]
    if None in ports or (ports and way.conditions.protocol not in _WITH_PORTS):
        return way.ending("-j REDIRECT --to-nft")
    return way.ending(f"-j REDIRECT{_ports(' --to-ports ', ports)}")


def _reject(way: _Way, each: Expression) -> _Way:
    kind, code = each.number(1, 0), each.number(2)
    if kind == 1 and way.conditions.protocol == TCP:
        return way.ending("-j REJECT --reject-with tcp-reset")
    family = way.conditions.family
    answer = family.refusals_of_any[code] if kind == 2 and code in range(4) else family.refusals.get(code)
    return way.ending(f"-j REJECT --reject-with {answer or family.refusals_of_any[1]}")


def _match(way: _Way, each: Expression) -> _Way:
    """Read a match of iptables by its name alone."""
    return way if text(each.operands[1]) == "comment" else way.vague()


def _extension(way: _Way, each: Expression) -> _Way:
    """Read a target of iptables by its name, and of those that mark what they do (linux/netfilter/xt_connmark.h)."""
    name, said = text(each.operands[1]), each.operands.get(3, b"")
    if name in ("MARK", "CONNMARK"):
        return _marked(way, f"-j {name} {_extension_mark(name, said)}")
    return way if name in _SILENT_EXTENSIONS else way.ending(_EXTENSIONS.get(name, _UNKNOWN_TARGET))


def _extension_mark(name: str, said: bytes) -> str:
    value, mask = struct.unpack_from("=II", said)
    if name == "MARK":
        return f"--set-xmark {value:#x}/{mask:#x}"
    nfmask, mode = struct.unpack_from("=IB", said, 8)
    masks = f"--nfmask {nfmask:#x} --ctmask {mask:#x}"
    return (f"--set-xmark {value:#x}/{mask:#x}", f"--save-mark {masks}", f"--restore-mark {masks}")[mode]


def _object(way: _Way, each: Expression) -> _Way:
    """Read the use of an object: a quota or a limit holds for some packets."""
    return way if each.number(1) in _SILENT_OBJECTS else way.vague()


def _untracked(way: _Way, _each: Expression) -> _Way:
    return way.acting("-j NOTRACK")


_READERS: Final[dict[str, Callable[[_Way, Expression], _Way]]] = {
    **dict.fromkeys(_LOADS, _load),
    "bitwise": _mask,
    "cmp": _compare,
    "immediate": _immediate,
    "match": _match,
    "nat": _translate,
    "notrack": _untracked,
    "objref": _object,
    "range": _between,
    "redir": _redirect,
    "reject": _reject,
    "target": _extension,
}


def chain_word(name: str) -> str:
    """Give a chain's name as rules can say it: one that is too long or no plain word gets another, always the same."""
    if _PLAIN_NAME.fullmatch(name) and name not in EXTENSIONS:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9_]', '_', name)[:18]}.{digest}"
