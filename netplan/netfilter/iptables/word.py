"""Addresses, names and flags in the options of rules: readers, as in `number`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from netplan.netfilter.iptables.number import Reader, integer, nat_ports, port
from netplan.netfilter.iptables.operands import BITS, AddressMask, parse_address, split_nat_range
from netplan.netfilter.iptables.quoting import check_word

_MAC: Final = re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}")


def address(text: str, version: int) -> str:
    """Read one address."""
    return str(parse_address(text, version))


def network(text: str, version: int) -> str:
    """Read a network; a single address gets its prefix length."""
    return str(AddressMask.parse(text, version))


def host_or_network(text: str, version: int) -> str:
    """Read a prefix or a single address, which has no prefix length."""
    prefix = AddressMask.parse(text, version).prefix
    if prefix is None:
        raise ValueError(f"{text!r} has a mask that iptables-save would hide: write a prefix length")
    return str(prefix).removesuffix(f"/{BITS[version]}")


def address_range(text: str, version: int) -> str:
    """Read `10.0.0.1-10.0.0.9`; a single address is a range too."""
    first, dash, last = text.partition("-")
    first = address(first, version)
    return f"{first}-{address(last, version) if dash else first}"


def nat_range(text: str, version: int) -> str:
    """Read `10.0.0.1`, `10.0.0.1-10.0.0.9:1024-2048`, `[fd00::5]:80` or `:80` (iptables-extensions(8), DNAT)."""
    addresses, ports = split_nat_range(text)
    first, dash, last = addresses.partition("-")
    first = address(first, version) if first else ""
    last = address(last, version) if dash else first
    addresses = first if first == last else f"{first}-{last}"
    if not ports:
        return addresses
    if version == 6 and addresses:
        addresses = f"[{addresses}]"
    return f"{addresses}:{_nat_range_ports(ports)}"


def _nat_range_ports(text: str) -> str:
    ports, slash, base = text.partition("/")
    ports = nat_ports(ports, 4)
    if slash and "-" not in ports:
        raise ValueError(f"{text!r} shifts ports: that needs a range, such as 1024-2048/80")
    return f"{ports}/{port(base, 4)}" if slash else ports


def word(text: str, _version: int) -> str:
    """Read one word, exactly."""
    return check_word(text)


def text_up_to(limit: int) -> Reader:
    """Make a reader of a text that may not be longer than the kernel keeps, in bytes."""

    def read(text: str, _version: int) -> str:
        if not text or len(_encoded(text)) > limit:
            raise ValueError(f"{text!r} is empty or longer than {limit} bytes")
        return text

    return read


def pattern(text: str, _version: int) -> str:
    """Read a text to look for in packets; iptables prints all others as `--hex-string`."""
    if not (text.isascii() and 1 <= len(text) <= 128) or text.endswith("\\"):
        raise ValueError(f"{text!r} is not 1 to 128 ASCII characters without a backslash at the end: use --hex-string")
    return text


def comment(text: str, _version: int) -> str:
    """Read a comment: of a longer one iptables keeps the first 255 bytes."""
    encoded = _encoded(text)
    if len(encoded) <= 255:
        return text
    shortened = encoded[:255].decode("utf-8", "surrogateescape")
    if not text.startswith(shortened):
        raise ValueError("longer than 255 bytes, and iptables would cut it within a character")
    return shortened


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def chain_name(text: str) -> str:
    """Check the name of a chain or target: up to 28 bytes (XT_EXTENSION_MAXNAMELEN)."""
    if not 1 <= len(_encoded(text)) <= 28:
        raise ValueError(f"{text!r} is not the name of a chain: 1 to 28 bytes")
    if text[0] in "-!":
        raise ValueError(f"{text!r} is not the name of a chain: it starts with {text[0]!r}")
    return check_word(text)


def interface(text: str, _version: int) -> str:
    """Read an interface name; a `+` at its end stands for anything."""
    if "/" in text or not 1 <= len(_encoded(text)) <= 15:
        raise ValueError(f"{text!r} is not an interface name: 1 to 15 bytes without '/', such as eth0 or veth+")
    return check_word(text)


def flags(order: Collection[str], *, none: str = "", everything: str = "") -> Reader:
    """Make a reader of comma-separated flags, printed in the given order; `none` and `everything` are short names."""

    def read(text: str, _version: int) -> str:
        names = set(text.upper().split(","))
        if everything in names:
            names = set(order)
        if none and names == {none}:
            return none
        if unknown := sorted(names.difference(order)):
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(order)}")
        return ",".join(flag for flag in order if flag in names)

    return read


def one_of(*by_version: Mapping[str, str]) -> Reader:
    """Make a reader of one of the mapping's keys; the second mapping, if any, is for IPv6."""
    names = {4: by_version[0], 6: by_version[-1]}

    def read(text: str, version: int) -> str:
        choices = names[version]
        if text.lower() not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(dict.fromkeys(choices))}")
        return choices[text.lower()]

    return read


def icmp_type(by_name: Mapping[str, str]) -> Reader:
    """Make a reader of an ICMP type: a name, `8` or `3/4`."""

    def read(text: str, _version: int) -> str:
        if text.lower() in by_name:
            return by_name[text.lower()]
        try:
            return "/".join(str(integer(part, 0, 255)) for part in text.split("/", 1))
        except ValueError:
            raise ValueError(f"{text!r} is not an ICMP type: a name, a number, or TYPE/CODE") from None

    return read


def directions(text: str, _version: int) -> str:
    """Read which addresses or ports of a packet are looked up in a set: up to six of `src` and `dst`, in order."""
    words = text.split(",")
    if len(words) > 6 or not set(words) <= {"src", "dst"}:
        raise ValueError(f"{text!r} is not up to six of src and dst, with commas")
    return text


def set_name(text: str, _version: int) -> str:
    """Read the name of an ipset."""
    if len(_encoded(text)) > 31:
        raise ValueError(f"{text!r} is longer than 31 bytes")
    return check_word(text)


def mac(text: str, _version: int) -> str:
    """Read an Ethernet address."""
    if not _MAC.fullmatch(text):
        raise ValueError(f"{text!r} is not an Ethernet address, such as 02:42:ac:11:00:02")
    return ":".join(part.lower().zfill(2) for part in text.split(":"))
