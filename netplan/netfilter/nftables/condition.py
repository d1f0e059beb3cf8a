"""What nftables compares in a packet, said as conditions of iptables as far as these can say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from netplan.net import BITS, Address, Prefix
from netplan.netfilter.iptables.names import DCCP, SCTP, TCP, UDP
from netplan.netfilter.nftables.family import TRANSPORT_FIELDS, Family, Fields
from netplan.netfilter.nftables.load import Load, native
from netplan.netfilter.nftables.wording import said

_UNDENIED: Final = ("policy", "socket")
"""The matches whose options can't be negated."""
_HEADERS: Final = frozenset({"network", "transport"})
_OPTIONS: Final = {"source": "-s", "destination": "-d"}
_LARGEST_TTL: Final = 255
_WITH_PORTS: Final = {TCP: "tcp", UDP: "udp", SCTP: "sctp", DCCP: "dccp"}


class _Part(Struct, frozen=True):
    """What is asked of a field of a header: that under a mask its value lies between two."""

    name: str
    low: int
    high: int
    mask: int
    bits: int

    @property
    def range(self) -> tuple[int, int] | None:
        """The same as the first and the last value of the whole field; None if they are not all between."""
        free = self.mask ^ self.bits
        if free & free + 1:
            return None
        return (self.low, self.high | free) if self.low & free == 0 else (1, 0)


Ranges = tuple[tuple[int, int], ...]


class Conditions(Struct, frozen=True):
    """The conditions of one rule on packets of a family until now.

    `unsaid` is whether there are some that iptables can't say. Of a number in a header, `inside` has the range that it
    is in and `outside` those that it is not in.
    """

    devices: Mapping[int, str]
    family: Family
    inside: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    outside: Mapping[str, Ranges] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    unsaid: bool = False
    never: bool = False

    @property
    def protocol(self) -> int | None:
        """The one protocol that packets have, None if that is not said."""
        first, last = self.inside.get("protocol", (0, 255))
        return first if first == last else None

    def vague(self) -> Conditions:
        """Return them with one more, which iptables can't say."""
        return replace(self, unsaid=True)

    def worded(self, words: str) -> Conditions:
        """Return them with one more in iptables' words."""
        return replace(self, words=(*self.words, words))

    def remarked(self) -> Conditions:
        """Return them as they are once a mark is another one: of what marks were nothing can be said any more."""
        return replace(self, marks=(), unsaid=self.unsaid or bool(self.marks))

    def tested(self, load: Load | None, first: bytes, last: bytes, *, negated: bool = False) -> Conditions:
        """Add that a value lies between two, or with `negated` that it does not."""
        if load is None or any(load.flip):
            return self.vague()
        if load.what in _HEADERS:
            return self._header(load, first, last, negated=negated)
        if load.what in ("mark", "ct mark"):
            return self._mark(load, first, last, negated=negated)
        own = self._own_numbers.get(load.what)
        if own is not None and not load.mask:
            inside = first <= own <= last
            return replace(self, never=self.never or inside is negated)
        if load.what == "l4proto" and not load.mask:
            return self._number("protocol", first[0], last[0], negated=negated)
        return self._words(said(load, first, last, self.devices), negated=negated)

    @property
    def _own_numbers(self) -> Mapping[str, bytes]:
        """The numbers by which packets of the family are known."""
        return {"nfproto": bytes([self.family.number]), "ethertype": self.family.ethertype}

    @property
    def _sizes(self) -> Mapping[str, int]:
        """How many bytes each field of a header has, in the order in which iptables says them."""
        return {name: size for name, _, size in (*self.family.header, *TRANSPORT_FIELDS)}

    def _words(self, condition: str | None, *, negated: bool) -> Conditions:
        """Add a condition in words, with `!` before it if it is the other way round; of two on a device one is said."""
        if condition is None:
            return self.vague()
        negated = negated is not condition.startswith("! ")
        condition = condition.removeprefix("! ")
        option, _, rest = condition.partition(" ")
        if negated and rest.startswith(_UNDENIED):
            return self.vague()
        words = condition if not negated else f"! {condition}" if option != "-m" else _negated(rest)
        if words in self.words:
            return self
        if option != "-m" and any(other.removeprefix("! ").startswith(f"{option} ") for other in self.words):
            return self.vague()
        return replace(self, words=(*self.words, words))

    def _mark(self, load: Load, first: bytes, last: bytes, *, negated: bool) -> Conditions:
        if first != last or len(first) != 4:
            return self.vague()
        marked, bits = native(first), native(load.mask) if load.mask else 0xFFFFFFFF
        if marked == 0 and bits.bit_count() == 1:  # iptables says of one bit that it is set, or that it is not
            marked, negated = bits, not negated
        name = "mark" if load.what == "mark" else "connmark"
        words = f"-m {name} {'! ' if negated else ''}--mark {marked:#x}/{bits:#x}"
        return replace(self, marks=(*self.marks, words))

    def _header(self, load: Load, first: bytes, last: bytes, *, negated: bool) -> Conditions:
        if load.mask and not any(load.mask):
            return replace(self, never=self.never or any(first) is not negated)
        fields = self.family.header if load.what == "network" else TRANSPORT_FIELDS
        parts = [*_parts(fields, load, first, last)]
        if not parts or (negated and len(parts) > 1):
            return self.vague()
        conditions = self
        for part in parts:
            if part.range is not None:
                conditions = conditions._number(part.name, *part.range, negated=negated)
            elif part.name in _OPTIONS:
                low, mask = (Address(self.family.version, number) for number in (part.low, part.mask))
                masked = f"{_OPTIONS[part.name]} {low}/{mask}"
                conditions = conditions._words(masked, negated=negated)
            else:
                conditions = conditions.vague()
        return conditions

    def _number(self, name: str, low: int, high: int, *, negated: bool) -> Conditions:
        if negated:
            return replace(self, outside={**self.outside, name: (*self.outside.get(name, ()), (low, high))})
        before = self.inside.get(name, (low, high))
        here = max(low, before[0]), min(high, before[1])
        return replace(self, inside={**self.inside, name: here}, never=self.never or here[1] < here[0])

    def __str__(self) -> str:
        """Return the conditions in iptables' words, `-m nft` for those that it does not have."""
        texts = [text for name in self._sizes for text in self._numbers(name)]
        words = [*(text for text in texts if text), *self.words, *self.marks]
        if self.unsaid or not all(texts):
            words.append("-m nft")
        return " ".join(words)

    @property
    def impossible(self) -> bool:
        """Whether no packet of the family meets them."""
        return self.never or any(
            low <= first and last <= high
            for name, (first, last) in ((name, self._range(name)) for name in self.outside)
            for low, high in self.outside[name]
        )

    def _range(self, name: str) -> tuple[int, int]:
        return self.inside.get(name, (0, (1 << 8 * self._sizes[name]) - 1))

    def _numbers(self, name: str) -> Iterator[str]:
        """Say where a number is and is not; the empty text for what can't be said."""
        first, last = self._range(name)
        whole = (first, last) == (0, (1 << 8 * self._sizes[name]) - 1)
        apart = [(low, high) for low, high in self.outside.get(name, ()) if low <= last and first <= high]
        ranges = [("", first, last)] if not whole else []
        ranges += [("! ", low, high) for low, high in apart]
        option = _OPTIONS.get(name)
        free = option is None or not any(word.removeprefix("! ").startswith(f"{option} ") for word in self.words)
        for number, (sign, low, high) in enumerate(ranges):
            if option is not None:
                yield _address(self.family.version, option, sign, (low, high), alone=free and number == 0)
            elif name == "protocol":
                yield f"{sign}-p {low}" if low == high and number == 0 else ""
            elif name == "length":
                yield f"-m length {sign}--length {low}:{high}"
            elif name in ("ttl", "hl"):
                yield _hops_left(name, sign, low, high)
            else:
                yield self._port(name, sign, low, high)

    def _port(self, name: str, sign: str, low: int, high: int) -> str:
        """Say a port, or of ICMP, whose type and code stand at the place of the source port, these."""
        if self.protocol in _WITH_PORTS:
            return f"-m {_WITH_PORTS[self.protocol]} {sign}--{name} {low}{'' if low == high else f':{high}'}"
        protocol, match, option = self.family.icmp
        if self.protocol != protocol or name != "sport" or high - low not in (0, 0xFF):
            return ""
        kind, code = low >> 8, low & 0xFF
        return f"-m {match} {sign}--{option} {kind}{f'/{code}' if low == high else ''}"


def _hops_left(name: str, sign: str, low: int, high: int) -> str:
    """Say how many hops a packet has left, by `ttl` or `hl`; of what is not in a range only which end it is beyond."""
    if low == high:
        return f"-m {name} {sign}--{name}-eq {low}"
    least, most = (high + 1, low - 1) if sign else (low, high)
    if sign and low > 0 and high < _LARGEST_TTL:
        return ""
    above = f"-m {name} --{name}-gt {least - 1}" if least > 0 and not (sign and low > 0) else ""
    below = f"-m {name} --{name}-lt {most + 1}" if most < _LARGEST_TTL and not (sign and low == 0) else ""
    return " ".join(filter(None, (above, below)))


def _negated(words: str) -> str:
    """Negate the one option of a match; that of the way back is an option itself."""
    name, _, option = words.partition(" ")
    if name == "rpfilter":
        return f"-m {words.removesuffix(' --invert')}" if words.endswith(" --invert") else f"-m {words} --invert"
    return f"-m {name} ! {option}"


def _parts(fields: Fields, load: Load, first: bytes, last: bytes) -> Iterator[_Part]:
    """Return what is asked of the fields of a header; nothing if that can't be said.

    What nft compares at once may be several fields, or the first bytes of one.
    """
    counted = int.from_bytes(load.mask or b"\xff" * load.length, "big")
    parts = []
    for name, offset, size in fields:
        shift = 8 * (load.offset + load.length - offset - size)
        bits = (1 << 8 * size) - 1
        mask = _shifted(counted, shift) & bits
        counted &= ~_shifted(bits, -shift)
        if mask:
            low, high = (_shifted(int.from_bytes(bound, "big"), shift) & bits for bound in (first, last))
            parts.append(_Part(name, low, high, mask, bits))
    if counted == 0 and (first == last or [part.mask for part in parts] == [part.bits for part in parts[:1]]):
        yield from parts


def _shifted(value: int, right: int) -> int:
    return value >> right if right >= 0 else value << -right


def _address(version: int, option: str, sign: str, bounds: tuple[int, int], *, alone: bool) -> str:
    """Say a range of addresses, by the option if it is a prefix and the option is free."""
    low, high = bounds
    host_bits = high - low
    if alone and host_bits & host_bits + 1 == 0 and low & host_bits == 0:
        return f"{sign}{option} {Prefix(version, low, BITS[version] - host_bits.bit_length())}"
    side = "src" if option == "-s" else "dst"
    return f"-m iprange {sign}--{side}-range {Address(version, low)}-{Address(version, high)}"
