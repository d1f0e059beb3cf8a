"""What the options of a rule mean: addresses under a mask, marks under a mask, ranges of numbers and of addresses."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Generic, NamedTuple, TypeVar

from netplan.net import Address, Prefix

T = TypeVar("T")

BITS: Final = {4: 32, 6: 128}
_OCTET: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_LENGTH: Final = re.compile(r"[0-9]{1,3}")


class Condition(NamedTuple, Generic[T]):
    """What a packet must be, or with `negated` must not be."""

    value: T
    negated: bool = False


class AddressMask(NamedTuple):
    """The addresses that agree with `value` in the bits of `mask`, which need not be contiguous (iptables(8), -s)."""

    version: int
    value: int
    mask: int

    @classmethod
    def parse(cls, text: str, version: int) -> AddressMask:
        """Read `10.0.0.1`, `10.0.0.0/8`, `10/8`, `10.0.0.0/255.0.255.0` or `fd00::/8`; host bits are cleared."""
        return _address_mask(text, version)

    def __str__(self) -> str:
        prefix = self.prefix
        if prefix is not None:
            return str(prefix)
        return f"{Address(self.version, self.value)}/{Address(self.version, self.mask)}"

    @property
    def prefix(self) -> Prefix | None:
        """The same addresses as a prefix; None if the mask is not contiguous."""
        length = self.mask.bit_count()
        return Prefix(self.version, self.value, length) if self.mask == _leading_ones(length, self.version) else None

    def contains(self, address: Address) -> bool:
        """Whether an address is one of these."""
        return address.version == self.version and address.value & self.mask == self.value


@lru_cache(maxsize=4096)
def _address_mask(text: str, version: int) -> AddressMask:
    if "," in text:
        raise ValueError(f"{text!r} is more than one address: write one rule for each")
    address_text, slash, mask_text = text.partition("/")
    value = parse_address(address_text, version).value
    mask = _parse_mask(mask_text, version) if slash else _leading_ones(BITS[version], version)
    return AddressMask(version, value & mask, mask)


def parse_address(text: str, version: int) -> Address:
    """Read an address of the given IP version; IPv4 may be cut short as in `10.1`, which is 10.1.0.0."""
    if version == 6:
        address = Address.parse(text)
        if address.version != 6:
            raise ValueError(f"{text!r} is an IPv4 address in an IPv6 rule")
        return address
    octets = text.split(".")
    if len(octets) > 4 or not all(_OCTET.fullmatch(octet) and int(octet) < 256 for octet in octets):
        raise ValueError(f"{text!r} is not an IPv4 address, such as 10.4.7.21; names and octal numbers are not read")
    return Address(4, int.from_bytes(bytes(map(int, octets)).ljust(4, b"\0"), "big"))


def _parse_mask(text: str, version: int) -> int:
    if _LENGTH.fullmatch(text) and int(text) <= BITS[version]:
        return _leading_ones(int(text), version)
    try:
        mask = Address.parse(text)
    except ValueError:
        mask = None
    if mask is None or mask.version != version:
        raise ValueError(f"{text!r} is not a mask: a whole number from 0 to {BITS[version]}, or such as 255.0.0.0")
    return mask.value


def _leading_ones(length: int, version: int) -> int:
    bits = BITS[version]
    return (1 << bits) - (1 << bits - length)


class Masked(NamedTuple):
    """A mark and the bits of it that count."""

    value: int
    mask: int

    @classmethod
    def of(cls, text: str) -> Masked:
        """Read a canonical mark; one without a mask is compared whole."""
        value, slash, mask = text.partition("/")
        return cls(int(value, 16), int(mask, 16) if slash else 0xFFFFFFFF)


class Range(NamedTuple):
    """Numbers from `first` to `last`, both of them included."""

    first: int
    last: int

    @classmethod
    def of(cls, text: str) -> Range:
        """Read a canonical range of numbers, `5:10` or `5-10`, or a single number."""
        first, _, last = text.replace("-", ":").partition(":")
        return cls(int(first), int(last or first))

    def contains(self, number: int) -> bool:
        """Whether a number lies in the range."""
        return self.first <= number <= self.last


class AddressRange(NamedTuple):
    """Addresses from `first` to `last`, both of them included."""

    first: Address
    last: Address

    @classmethod
    def of(cls, text: str) -> AddressRange:
        """Read a canonical range of addresses, or a single address."""
        first, _, last = text.partition("-")
        return cls(Address.parse(first), Address.parse(last or first))

    def contains(self, address: Address) -> bool:
        """Whether an address lies in the range."""
        return self.first.version == address.version and self.first <= address <= self.last


class NatRange(NamedTuple):
    """What NAT rewrites to; None is left as it is."""

    addresses: AddressRange | None
    ports: Range | None

    @classmethod
    def of(cls, text: str) -> NatRange:
        """Read a canonical range; what follows a `/` shifts ports and is left out."""
        addresses, ports = split_nat_range(text)
        return cls(
            AddressRange.of(addresses) if addresses else None, Range.of(ports.partition("/")[0]) if ports else None
        )


def split_nat_range(text: str) -> tuple[str, str]:
    """Split what NAT rewrites to into its addresses, without brackets, and its ports; what is not there is empty."""
    if text.startswith("["):
        addresses, closed, ports = text[1:].partition("]")
        if not closed or (ports and not ports.startswith(":")):
            raise ValueError(f"{text!r} is not an address in brackets with a port, such as [fd00::5]:80")
        return addresses, ports[1:]
    if text.count(":") > 1:
        return text, ""
    addresses, _, ports = text.partition(":")
    return addresses, ports


def interface_matches(pattern: str, name: str) -> bool:
    """Whether an interface's name is the pattern, or starts with what stands before the pattern's last `+`."""
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern
