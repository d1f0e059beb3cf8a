"""What is said of IPv4 in tests, said of IPv6: 172.7.21.2 is fd00:172:7:21::2, and so on for options and types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from tests.scenarios.rulesets import Ruleset

_ADDRESS: Final = re.compile(r"\b(\d+\.\d+\.\d+\.\d+)(/\d+\.\d+\.\d+\.\d+|/\d+)?(:\d+)?\b")
_EXACT: Final = {
    "0.0.0.0/0": "::/0",
    "128.0.0.0/1": "8000::/1",
    "224.0.0.0/4": "ff00::/8",
    "127.0.0.0/8": "::1/128",
    "127.0.0.1": "::1",
    "127.0.0.1/32": "::1/128",
    "169.254.7.1/16": "fe80::7:1/64",
    "172.16.0.0/12": "fd00:172::/32",
}
_WORDS: Final = (
    (r"(--reject-with) icmp-port-unreachable", r"\1 icmp6-port-unreachable"),
    (r"(--reject-with) icmp-\S+", r"\1 icmp6-adm-prohibited"),
    (r"-p icmp\b", "-p ipv6-icmp"),
    (r"-m icmp --icmp-type 3/1", "-m icmp6 --icmpv6-type 1/3"),
    (r"-m icmp --icmp-type (echo-request|8)\b", "-m icmp6 --icmpv6-type echo-request"),
    (r"icmp:8/0", "icmpv6:128/0"),
    (r"-j TTL --ttl-set", "-j HL --hl-set"),
    (r" scope link\b", ""),
    (r"bitmap:ip range \S+", "hash:ip"),
    (r"(create \S+ hash:\S+) netmask 24", r"\1 netmask 64"),
    (r"(create \S+ hash:.*) -exist", r"\1 family inet6 -exist"),
)
_NONE: Final = re.compile(r"! -f\b|-type UNICAST|tos 0x")
"""What IPv6 does not have, or what the trace does not know of it."""

_SETTINGS: Final = {
    "net/ipv4/ip_forward": "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables": "net/bridge/bridge-nf-call-ip6tables",
}


def ruleset(given: Ruleset) -> Ruleset:
    """Return a node's rules and settings as they are for IPv6, without what it does not have."""
    settings = (setting.partition("=") for setting in given.settings)
    return replace(
        given,
        payload="".join(f"{line}\n" for line in lines(given.payload.splitlines())),
        settings=tuple(f"{_SETTINGS[name]}={value}" for name, _, value in settings if name in _SETTINGS),
        addresses=lines(given.addresses),
        routes=lines(given.routes),
        policies=lines(given.policies),
        sets="".join(f"{line}\n" for line in lines(given.sets.splitlines())),
        version=6,
    )


def lines(given: Iterable[str]) -> tuple[str, ...]:
    """Return the lines that say something of IPv6."""
    return tuple(words(line) for line in given if not _NONE.search(line))


def words(text: str) -> str:
    """Say a line of IPv6."""
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text)
    return _ADDRESS.sub(_address, text)


def _address(match: re.Match[str]) -> str:
    text, length, port = match.group(1), match.group(2) or "", match.group(3) or ""
    said = _EXACT.get(text + length) or _hextets(text) + _length(length)
    return f"[{said}]{port}" if port else said


def _hextets(text: str) -> str:
    *network, host = text.split(".")
    begin = "2001:db8:1:0" if network == ["198", "51", "100"] else f"fd00:{':'.join(network)}"
    return f"{begin}::{'' if host == '0' else host}"


def _length(length: str) -> str:
    """Return a length, or a mask of whole bytes; of the last byte the bits count that are the same in decimal."""
    if "." in length:
        parts = ["ffff" if part == "255" else "0" for part in length[1:].split(".")]
        return f"/ffff:{':'.join(parts)}::" if parts[3] == "0" else f"/ffff:{':'.join(parts[:3])}::ffff"
    bits = int(length[1:] or 0)
    return "" if not length else f"/{16 + 2 * bits if bits <= 24 else 128 - 32 + bits}"
