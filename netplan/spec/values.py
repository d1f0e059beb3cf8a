"""What a spec's texts mean: packet marks, sysctls, and the addresses that pods and nodes can have."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import PurePath
from typing import Final

from msgspec import Struct

from netplan.net import BITS, Address, InterfaceAddress, Prefix
from netplan.spec.readers import MAX_TEXT, WrongValueError, described
from netplan.spec.yaml.scalars import Plain
from netplan.text import did_you_mean

SPECIAL: Final = {
    Prefix.parse("0.0.0.0/8"): "this network",
    Prefix.parse("127.0.0.0/8"): "loopback",
    Prefix.parse("169.254.0.0/16"): "link-local",
    Prefix.parse("224.0.0.0/4"): "multicast",
    Prefix.parse("240.0.0.0/4"): "reserved",
    Prefix.parse("::/8"): "loopback and IPv4 addresses among them",
    Prefix.parse("64:ff9b::/96"): "translated IPv4 addresses",
    Prefix.parse("fe80::/10"): "link-local",
    Prefix.parse("ff00::/8"): "multicast",
}
"""What a pod network must not overlap."""

_SMALLEST: Final = {4: 28, 6: 124}
_EXAMPLES: Final = {4: "172.7.0.0/16", 6: "fd00:7::/48"}

_NO_HOST: Final = {prefix: name for prefix, name in SPECIAL.items() if name != "link-local" or prefix.version == 6}
"""Where no node's address lies; an IPv6 link-local one is one on a device, and each device has them."""

_NO_HOST_BYTES: Final = frozenset(
    (prefix.version, byte)
    for prefix in _NO_HOST
    for byte in range(256)
    if prefix.overlaps(Prefix(prefix.version, byte << (BITS[prefix.version] - 8), 8))
)
"""The versions and first bytes of all addresses there."""

_NUMBER: Final = r"0x[0-9A-Fa-f]{1,8}|0|[1-9][0-9]{0,9}"
MARK_PATTERN: Final = rf"({_NUMBER})/({_NUMBER})"
WITHIN_MIN, WITHIN_MAX = 1, 60
NODES_FORMATS: Final = (".csv", ".jsonl")
PLACEHOLDERS: Final = ("subnet", "network", "bridge", "interface", "address")
"""What a check's texts may name of their node, in braces."""

_PING_WORDS: Final = ("peers", "gateway")
_OWN_ADDRESS: Final = "{address}"
_NUMBERS: Final = ("a number", "a fraction")
_MAX_WORDS: Final = 128
_MAX_PATH: Final = 4095
_SYSCTL_COMPONENT: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class Mark(Struct, frozen=True):
    """A packet mark as `--mark VALUE/MASK` of iptables compares it; every bit of the value is in the mask."""

    value: int
    mask: int

    @classmethod
    def parse(cls, text: str) -> Mark:
        """Read `0x4000/0x4000` or `16384/16384`; ValueError says what is wrong."""
        parts = re.fullmatch(MARK_PATTERN, text)
        if parts is None:
            raise WrongValueError(f"{described(text)} is not a mark with its mask", "write it like 0x4000/0x4000")
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


class PortRange(Struct, frozen=True):
    """Ports from `first` to `last`, both of them included."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> PortRange:
        """Read `1024-29999`; ValueError says what is wrong."""
        parts = re.fullmatch(r"([1-9][0-9]{0,4})-([1-9][0-9]{0,4})", text)
        if parts is None:
            raise WrongValueError(f"{described(text)} is not a range of ports", "write it like 1024-29999")
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


def address(text: str, version: int) -> Address:
    """Read an address of an IP version."""
    parsed = Address.parse(text)
    _refuse_other(text, parsed.version, version)
    return parsed


def prefix(text: str, version: int) -> Prefix:
    """Read a prefix of an IP version."""
    interface = InterfaceAddress.parse(text)
    _refuse_other(text, interface.address.version, version)
    return interface.whole


def pod_network(text: str, version: int) -> Prefix:
    """Read the prefix of a pod network, which flannel, too, wants to be a /28 or larger, or /124 of IPv6."""
    network = prefix(text, version)
    smallest, example = _SMALLEST[version], _EXAMPLES[version]
    if network.length > smallest:
        raise WrongValueError(
            f"{network} is too small for a pod network", f"take a /{smallest} or larger, such as {example}"
        )
    for special, name in SPECIAL.items():
        if network.overlaps(special):
            raise WrongValueError(f"{network} overlaps {special} ({name})", f"take a private prefix, such as {example}")
    return network


def host_address(text: str, version: int) -> InterfaceAddress:
    """Read the address of a node with the prefix length of its segment."""
    host = InterfaceAddress.parse(text)
    _refuse_other(text, host.address.version, version)
    _refuse_special(host.address, host)
    if host.length == BITS[version]:
        usual = InterfaceAddress(host.address, 24 if version == 4 else 64)
        raise WrongValueError(f"{host} names no segment", f"write the prefix length of the interface: {usual}")
    last = (1 << (BITS[version] - host.length)) - 1
    number = host.address.value & last
    if version == 6 and host.length < 127 and number == 0:  # RFC 4291, 2.6.1
        raise WrongValueError(f"{host} is the address of every router of {host.prefix}", "a node has one of its own")
    if version == 4 and host.length < 31 and number in (0, last):
        kind = "network" if number == 0 else "broadcast"
        usable = f"{host.prefix.host(1)} to {host.prefix.host(-2)}"
        raise WrongValueError(f"{host} is the {kind} address of {host.prefix}", f"a node has one of {usable}")
    return host


def public_address(text: str) -> Address:
    """Read the address by which other hosts reach a node."""
    special = Address.parse(text)
    _refuse_special(special, special)
    return special


def _refuse_special(address: Address, shown: object) -> None:
    if (address.version, address.value >> (BITS[address.version] - 8)) not in _NO_HOST_BYTES:
        return
    for special, name in _NO_HOST.items():
        if special.contains(address):
            raise WrongValueError(f"{shown} lies in {special} ({name}) and can't be the address of a node")


def sysctl_name(text: str) -> str:
    """Normalise a name below `net.` as sysctl(8) writes it: dots between components, `/` for a dot inside one.

    As in sysctl(8), whichever of the two comes first is the separator, and the other stands for a dot.
    """
    separator, dot = ("/", ".") if "/" in text.partition(".")[0] else (".", "/")
    components = [component.replace(dot, ".") for component in text.split(separator)]
    if len(text) > 255 or not all(_SYSCTL_COMPONENT.fullmatch(component) for component in components):
        raise WrongValueError(
            f"{described(text)} is not the name of a sysctl", "write it like net.ipv4.conf.all.rp_filter"
        )
    if components[0] != "net":
        raise WrongValueError(f"{described(text)} is not a sysctl of the network", "podnet sets names below net. alone")
    if len(components) < 3:
        hint = "podnet sets names of three parts or more, such as net.core.somaxconn"
        raise WrongValueError(f"{described(text)} is too short for a sysctl of the network", hint)
    return ".".join(component.replace(".", "/") for component in components)


def sysctl_value(text: str) -> str:
    """Read the value of a sysctl, one line that a terminal shows as it is, and write it as the kernel would."""
    if not text.strip() or len(text) > 128 or not (text.isascii() and text.isprintable()):
        raise WrongValueError(
            f"{described(text)} is not the value of a sysctl", "write 1 to 128 printable ASCII characters"
        )
    return " ".join(str(int(word)) if word.isdecimal() else word for word in text.split())


def ping_target(text: str) -> str:
    """Read what a check pings: an address, the node's own in braces, `peers` or `gateway`."""
    if text in _PING_WORDS or text == _OWN_ADDRESS:
        return text
    if re.search("[A-Za-z{}]", text) and ":" not in text:
        close = did_you_mean(text.strip("{}"), PLACEHOLDERS[-1:] if "{" in text else _PING_WORDS)
        hint = f"did you mean {close if '{' not in text else _OWN_ADDRESS}?" if close else ""
        raise WrongValueError(f"{described(text)} is not an address, peers or gateway", hint)
    return str(Address.parse(text))


def tcp_target(text: str) -> str:
    """Read ADDRESS:PORT, an IPv6 address in brackets, or the node's own in braces, where a check connects to."""
    host, colon, port = text.rpartition(":")
    bracketed = re.fullmatch(r"\[([^]]*)\]", host)
    if not colon or (":" in host and not bracketed):
        hint = "write it like 10.4.7.22:80 or [fd00::22]:80"
        raise WrongValueError(f"{described(text)} is not an address with a port", hint)
    if not re.fullmatch("[1-9][0-9]{0,4}", port) or int(port) > 65535:
        raise WrongValueError(f"{described(port)} is not a port: they go from 1 to 65535", "write it like 10.4.7.22:80")
    if host == _OWN_ADDRESS:
        return text
    return f"[{address(bracketed[1], 6)}]:{port}" if bracketed else f"{address(host, 4)}:{port}"


def command_words(value: object) -> tuple[str, ...]:
    """Read a program and its arguments: a list, so that no shell reads them."""
    if isinstance(value, str):
        words = ", ".join(value.split())
        raise WrongValueError("a command is a list of words; no shell reads it", f"write [{words}]")
    if not isinstance(value, list) or not value:
        raise WrongValueError(
            f"expected a list such as [curl, -sf, http://10.4.7.22/], found {described(value) or 'none'}"
        )
    if len(value) > _MAX_WORDS:
        raise WrongValueError(f"a command has at most {_MAX_WORDS} words, and this one has {len(value)}")
    return tuple(_command_word(number, word) for number, word in enumerate(value))


def _command_word(number: int, value: object) -> str:
    """Read one word; a number is the text that the file says."""
    text = value.text if isinstance(value, Plain) and value.kind.startswith(_NUMBERS) else value
    if not isinstance(text, str):
        hint = f'write it in quotes: "{value.text}"' if isinstance(value, Plain) and value.text else ""
        raise WrongValueError(f"word {number + 1} is {described(value)}", hint)
    if len(text) > _MAX_PATH or "\0" in text or (number == 0 and not text):
        raise WrongValueError(f"word {number + 1}, {described(text)}, can't be given to a program")
    for name in re.findall(r"\{(\w+)\}", text):
        if name not in PLACEHOLDERS:
            close = did_you_mean(name, PLACEHOLDERS)
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            hint = f"did you mean {{{close}}}?" if close else f"the placeholders are {known}"
            raise WrongValueError(f"there is no placeholder {{{name}}}", hint)
    return text


def nodes_path(text: str) -> str:
    """Read the path of a file of nodes, from the folder of the spec on."""
    name = text.rpartition("/")[2]
    if PurePath(name).suffix not in NODES_FORMATS or not text.isprintable():
        raise WrongValueError(
            f"{described(text)} is not the path of a file of nodes", "such as nodes.csv or nodes.jsonl"
        )
    return text


def persist_path(text: str) -> str:
    """Read `none`, or the absolute path of the file that is loaded at boot."""
    if text == "none":
        return text
    if not text.startswith("/"):
        close = "none" if did_you_mean(text, ("none",)) else ""
        hint = f"did you mean {close}?" if close else "write none, or a path such as /etc/iptables/rules.v4"
        raise WrongValueError(f"{described(text)} is not an absolute path", hint)
    if not text.isprintable():
        raise WrongValueError(f"{described(text)} has a character that no terminal shows")
    if text.endswith(("/", "/.", "/..")) or len(text) > MAX_TEXT:
        raise WrongValueError(f"{described(text)} is not the path of a file", "such as /etc/iptables/rules.v4")
    return text


def _refuse_other(text: str, version: int, wanted: int) -> None:
    if version != wanted:
        hint = "IPv6 has keys of its own, such as ipv6_network" if version == 6 else "IPv4 has keys without ipv6_"
        raise WrongValueError(f"{text} is IPv{version}", hint)
