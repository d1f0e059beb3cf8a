"""Addresses, prefixes and the names that the kernel accepts: small frozen values, parsed once at the edge.

Addresses are structs of integers and not `ipaddress` objects because plans compare them by the ten thousand: a set of
65,536 prefixes is built and intersected in a fifth of the time when hashing and equality are written in C.
The hashes differ from run to run: what comes out of a set is to be sorted.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from typing import Final, NewType

from msgspec import Struct

IfName = NewType("IfName", str)
LinkLayerAddress = NewType("LinkLayerAddress", str)

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_USUAL: Final = {4: 24, 6: 64}
BITS: Final = {4: 32, 6: 128}
"""How many bits an address of each IP version has."""

IPV6_MTU_MIN: Final = 1280
"""The least MTU of a device, in bytes, with which it has IPv6 at all (RFC 8200)."""

_LENGTHS: Final = {version: {str(length): length for length in range(bits + 1)} for version, bits in BITS.items()}

_IF_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_LINK_LAYER: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def _written(version: int, value: int) -> str:
    if version == 4:
        return socket.inet_ntop(socket.AF_INET, value.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


class Address(Struct, frozen=True, order=True):
    """An IPv4 or IPv6 address: `version` is 4 or 6, `value` the address as an unsigned integer."""

    version: int
    value: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `10.4.7.21` or `fd00::1`; ValueError says what is wrong."""
        version = 6 if ":" in text else 4
        try:
            packed = socket.inet_pton(_FAMILIES[version], text)
        except (OSError, ValueError) as error:
            raise ValueError(f"{text!r} is not an IP address, such as 10.4.7.21") from error
        return cls(version, int.from_bytes(packed, "big"))

    def __str__(self) -> str:
        return _written(self.version, self.value)

    @property
    def packed(self) -> bytes:
        """The address in network byte order: 4 or 16 bytes."""
        return self.value.to_bytes(BITS[self.version] // 8, "big")


class Prefix(Struct, frozen=True, order=True):
    """An IP prefix without host bits: `value` is the network address as an unsigned integer."""

    version: int
    value: int
    length: int

    @classmethod
    def parse(cls, text: str) -> Prefix:
        """Read `172.7.21.0/24`; ValueError says what is wrong, host bits included."""
        return InterfaceAddress.parse(text).whole

    def __str__(self) -> str:
        return f"{_written(self.version, self.value)}/{self.length}"

    @property
    def address(self) -> Address:
        """The prefix's first address."""
        return Address(self.version, self.value)

    @property
    def size(self) -> int:
        """How many addresses the prefix holds."""
        return 1 << (BITS[self.version] - self.length)

    def contains(self, address: Address) -> bool:
        """Whether an address lies in this prefix."""
        if address.version != self.version:
            return False
        return not (self.value ^ address.value) >> (BITS[self.version] - self.length)

    def covers(self, other: Prefix) -> bool:
        """Whether every address of the other prefix lies in this one."""
        if other.version != self.version or other.length < self.length:
            return False
        return not (self.value ^ other.value) >> (BITS[self.version] - self.length)

    def within(self, length: int) -> Prefix:
        """Return the prefix of a shorter length that covers this one."""
        host_bits = BITS[self.version] - length
        return Prefix(self.version, self.value >> host_bits << host_bits, length)

    def overlaps(self, other: Prefix) -> bool:
        """Whether the two prefixes have an address in common."""
        return self.covers(other) or other.covers(self)

    def host(self, number: int) -> Address:
        """Return the `number`-th address: 0 is the network address, negative numbers count from the end."""
        if not -self.size <= number < self.size:
            raise ValueError(f"{self} has no address number {number}")
        return Address(self.version, self.value + number % self.size)


class InterfaceAddress(Struct, frozen=True, order=True):
    """An address with the length of its on-link prefix, as an interface carries it: `10.4.7.21/24`."""

    address: Address
    length: int

    @classmethod
    def parse(cls, text: str) -> InterfaceAddress:
        """Read `10.4.7.21/24`; ValueError says what is wrong."""
        address_text, slash, length_text = text.partition("/")
        address = Address.parse(address_text)
        length = _LENGTHS[address.version].get(length_text)
        if length is not None:
            return cls(address, length)
        bits = BITS[address.version]
        if not slash:
            raise ValueError(f"{text} has no prefix length; write it as {address}/{_USUAL[address.version]}")
        if not re.fullmatch(r"[0-9]{1,3}", length_text) or int(length_text) > bits:
            raise ValueError(f"{text}: the prefix length is a whole number from 0 to {bits}")
        return cls(address, int(length_text))

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"

    @property
    def prefix(self) -> Prefix:
        """The on-link prefix."""
        version = self.address.version
        host_bits = BITS[version] - self.length
        return Prefix(version, self.address.value >> host_bits << host_bits, self.length)

    @property
    def whole(self) -> Prefix:
        """The prefix that this is, if the address is its first one; ValueError says that there are host bits."""
        prefix = self.prefix
        if prefix.value != self.address.value:
            raise ValueError(f"{self} has host bits set; the prefix is {prefix}")
        return prefix


def if_name(text: str) -> IfName:
    """Check an interface name: 1 to 15 characters that no tool takes for an option, a path or a wildcard.

    The kernel accepts more (`dev_valid_name` refuses only `.`, `..`, `/`, `:` and white space); iptables reads a
    trailing `+` as a wildcard, so such names are refused here.
    """
    if not _IF_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not an interface name: 1 to 15 letters, digits, '_', '.' or '-'")
    return IfName(text)


def link_layer_address(text: str) -> LinkLayerAddress:
    """Check the address of an Ethernet device: six bytes as the kernel's tools print them."""
    if not _LINK_LAYER.fullmatch(text):
        raise ValueError(f"{text!r} is not a link-layer address, such as 0e:2a:0a:04:07:15")
    return LinkLayerAddress(text)


def host_name(text: str) -> str:
    """Check the name of a node or a cluster: it becomes a file name and the name of a network namespace."""
    if not _HOST_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name: 1 to 63 letters, digits, '_', '.' or '-', as in a host name")
    return text


def printable(text: str) -> str:
    """Escape what a terminal would act on: control characters (ANSI escapes among them) and bidirectional marks."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def collapsed(version: int, addresses: Iterable[int]) -> Iterator[Prefix]:
    """Yield the fewest prefixes that hold exactly these addresses of an IP version, in their order."""
    prefixes: list[Prefix] = []
    values, length = set(addresses), BITS[version]
    while values:
        step = 1 << BITS[version] - length
        pairs = {value for value in values if not value & step and value | step in values}
        prefixes += (Prefix(version, value, length) for value in values if value & ~step not in pairs)
        values, length = pairs, length - 1
    yield from sorted(prefixes)


def counted(count: int, noun: str) -> str:
    """Return a number with what it counts: `1 node`, `2 nodes`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
