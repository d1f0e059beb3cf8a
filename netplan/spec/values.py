"""What a spec's texts mean: packet marks, sysctls, and the addresses that pods and nodes can have."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final, NamedTuple

from netplan.net import Address, InterfaceAddress, Prefix
from netplan.spec.readers import WrongValueError, found

SPECIAL: Final = {
    Prefix.parse("0.0.0.0/8"): "this network",
    Prefix.parse("127.0.0.0/8"): "loopback",
    Prefix.parse("169.254.0.0/16"): "link-local",
    Prefix.parse("224.0.0.0/4"): "multicast",
    Prefix.parse("240.0.0.0/4"): "reserved",
}
"""What a pod network must not overlap."""

_NO_HOST: Final = {prefix: name for prefix, name in SPECIAL.items() if name != "link-local"}
_NUMBER: Final = r"0x[0-9A-Fa-f]{1,8}|0|[1-9][0-9]{0,9}"
MARK_PATTERN: Final = rf"({_NUMBER})/({_NUMBER})"
_SYSCTL_COMPONENT: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class Mark(NamedTuple):
    """A packet mark as `--mark VALUE/MASK` of iptables compares it; every bit of the value is in the mask."""

    value: int
    mask: int

    @classmethod
    def parse(cls, text: str) -> Mark:
        """Read `0x4000/0x4000` or `16384/16384`; ValueError says what is wrong."""
        parts = re.fullmatch(MARK_PATTERN, text)
        if parts is None:
            raise WrongValueError(f"{found(text)} is not a mark with its mask", "write it like 0x4000/0x4000")
        value, mask = int(parts[1], 0), int(parts[2], 0)
        if max(value, mask) >= 1 << 32:
            raise WrongValueError(f"{text} does not fit: a mark has 32 bits", "the largest is 0xffffffff/0xffffffff")
        if mask == 0:
            raise WrongValueError(
                f"{text} is on every packet: the mask is 0", "name the bits that count: 0x4000/0x4000"
            )
        if value & ~mask:
            hint = f"write {value & mask:#x}/{mask:#x} or {value:#x}/{value | mask:#x}"
            raise WrongValueError(f"{text} is on no packet: the value has bits outside its mask", hint)
        return cls(value, mask)

    def __str__(self) -> str:
        return f"{self.value:#x}/{self.mask:#x}"


class PortRange(NamedTuple):
    """Ports from `first` to `last`, both of them included."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> PortRange:
        """Read `1024-29999`; ValueError says what is wrong."""
        parts = re.fullmatch(r"([1-9][0-9]{0,4})-([1-9][0-9]{0,4})", text)
        if parts is None:
            raise WrongValueError(f"{found(text)} is not a range of ports", "write it like 1024-29999")
        first, last = int(parts[1]), int(parts[2])
        if not first <= last <= 65535:
            raise WrongValueError(f"{text} is no range of ports: they go from 1 to 65535, the lower one first")
        return cls(first, last)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @property
    def size(self) -> int:
        """How many ports there are in the range."""
        return self.last - self.first + 1


def port_ranges(text: str) -> tuple[PortRange, ...]:
    """Read `1024-29999,32768-65535`: ranges that do not overlap, in ascending order."""
    ranges = tuple(map(PortRange.parse, text.split(",")))
    for lower, higher in pairwise(ranges):
        if higher.first <= lower.last:
            raise WrongValueError(f"{lower} and {higher} overlap, or stand in the wrong order")
    return ranges


def ipv4_address(text: str) -> Address:
    """Read an IPv4 address."""
    address = Address.parse(text)
    _refuse_ipv6(text, address.version)
    return address


def ipv4_prefix(text: str) -> Prefix:
    """Read an IPv4 prefix."""
    prefix = Prefix.parse(text)
    _refuse_ipv6(text, prefix.version)
    return prefix


def pod_network(text: str) -> Prefix:
    """Read the prefix of a pod network, which flannel, too, wants to be a /28 or larger."""
    network = ipv4_prefix(text)
    if network.length > 28:
        raise WrongValueError(f"{network} is too small for a pod network", "take a /28 or larger, such as 172.7.0.0/16")
    for special, name in SPECIAL.items():
        if network.overlaps(special):
            raise WrongValueError(
                f"{network} overlaps {special} ({name})", "take a private prefix, such as 172.7.0.0/16"
            )
    return network


def host_address(text: str) -> InterfaceAddress:
    """Read the IPv4 address of a node with the prefix length of its segment."""
    host = InterfaceAddress.parse(text)
    _refuse_ipv6(text, host.address.version)
    for special, name in _NO_HOST.items():
        if special.contains(host.address):
            raise WrongValueError(f"{host} lies in {special} ({name}) and can't be the address of a node")
    if host.length == 32:
        raise WrongValueError(
            f"{host} names no segment", f"write the prefix length of the interface: {host.address}/24"
        )
    first, last = host.prefix.host(0), host.prefix.host(-1)
    if host.length < 31 and host.address in {first, last}:
        kind = "network" if host.address == first else "broadcast"
        usable = f"{host.prefix.host(1)} to {host.prefix.host(-2)}"
        raise WrongValueError(f"{host} is the {kind} address of {host.prefix}", f"a node has one of {usable}")
    return host


def public_address(text: str) -> Address:
    """Read the IPv4 address by which other hosts reach a node."""
    address = ipv4_address(text)
    for special, name in _NO_HOST.items():
        if special.contains(address):
            raise WrongValueError(f"{address} lies in {special} ({name}) and can't be the address of a node")
    return address


def sysctl_name(text: str) -> str:
    """Normalise a name below `net.` as sysctl(8) writes it: dots between components, `/` for a dot inside one.

    As in sysctl(8), whichever of the two comes first is the separator, and the other stands for a dot.
    """
    separator, dot = ("/", ".") if "/" in text.partition(".")[0] else (".", "/")
    components = [component.replace(dot, ".") for component in text.split(separator)]
    if len(text) > 255 or not all(_SYSCTL_COMPONENT.fullmatch(component) for component in components):
        raise WrongValueError(f"{found(text)} is not the name of a sysctl", "write it like net.ipv4.conf.all.rp_filter")
    if components[0] != "net" or len(components) < 3:
        raise WrongValueError(f"{found(text)} is not a sysctl of the network", "podnet sets names below net. alone")
    return ".".join(component.replace(".", "/") for component in components)


def sysctl_value(text: str) -> str:
    """Read the value of a sysctl, one line that a terminal shows as it is, and write it as the kernel would."""
    if not text.strip() or len(text) > 128 or not (text.isascii() and text.isprintable()):
        raise WrongValueError(
            f"{found(text)} is not the value of a sysctl", "write 1 to 128 printable ASCII characters"
        )
    return " ".join(str(int(word)) if word.isdecimal() else word for word in text.split())


def _refuse_ipv6(text: str, version: int) -> None:
    if version == 6:
        raise WrongValueError(f"{text} is IPv6; a spec of version 1 is about IPv4")
