"""Print legacy tables as iptables-legacy-save does, by python-iptables: `podnet internal legacy-tables 4|6 TABLE...`.

It is for nodes without that program, and runs in a process of its own: python-iptables loads iptables' own libraries,
and what it can't read may end the process. It only reads, and only tables that exist: reading another would create it.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from netplan.system.helpers import MISSING

try:
    import iptc
except ImportError:
    iptc = None

_ANY: Final = frozenset({"0.0.0.0/0.0.0.0", "::/::"})
_BARE: Final = re.compile(r"[A-Za-z0-9_.,:/+=@%-]+")
_MASKS: Final = {"src": "smsk", "dst": "dmsk"}
_OPTIONS: Final = {"-s": "src", "-d": "dst", "-i": "in_interface", "-o": "out_interface"}


def lines(table: iptc.Table) -> Iterator[str]:
    """Return the lines of a table."""
    yield f"*{table.name}"
    for chain in table.chains:
        policy = chain.get_policy() if table.builtin_chain(chain.name) else None
        yield f":{chain.name} {policy.name if policy else '-'} [0:0]"
    for chain in table.chains:
        yield from (f"-A {chain.name} {' '.join(words(rule))}" for rule in chain.rules)
    yield "COMMIT"


def words(rule: iptc.Rule) -> Iterator[str]:
    """Return the words of a rule."""
    for option, name in _OPTIONS.items():
        value = address6(rule, name) if isinstance(rule, iptc.Rule6) and name in _MASKS else getattr(rule, name)
        if value and value not in _ANY:
            yield from negated(option, value)
    header = rule.entry.ipv6 if isinstance(rule, iptc.Rule6) else rule.entry.ip
    if header.proto:  # its own names are not those of iptables: ipip is another protocol there
        yield from negated("-p", f"{'!' * rule.protocol.startswith('!')}{header.proto}")
    if getattr(rule, "fragment", False):
        yield "-f" if rule.fragment is True else "! -f"
    for match in rule.matches:
        yield from ("-m", match.name, *parameters(match))
    if rule.target.name:
        yield from ("-g" if rule.target.goto else "-j", rule.target.name, *parameters(rule.target))


def address6(rule: iptc.Rule6, name: str) -> str:
    """Return an address of IPv6 with its mask, of which python-iptables counts the bits only."""
    header = rule.entry.ipv6
    address, mask = (
        socket.inet_ntop(socket.AF_INET6, bytes(getattr(header, field_name))) for field_name in (name, _MASKS[name])
    )
    return f"{'!' * getattr(rule, name).startswith('!')}{address}/{mask}"


def parameters(extension: iptc.Match | iptc.Target) -> Iterator[str]:
    """Return the options of a match or a target."""
    for name, values in extension.get_all_parameters().items():
        if values[:1] == ["!"]:
            yield "!"
            values = values[1:]  # noqa: PLW2901
        yield f"--{name}"
        yield from map(quoted, values)


def negated(option: str, value: str) -> Iterator[str]:
    """Return a condition of the rule itself; python-iptables writes a `!` before its value."""
    if value.startswith("!"):
        yield "!"
    yield from (option, value.lstrip("!"))


def quoted(word: str) -> str:
    """Quote a word that is not plain; python-iptables leaves the backslash that iptables puts before a `'`."""
    word = word.replace("\\'", "'")
    return word if _BARE.fullmatch(word) else '"' + re.sub(r'([\\"\'])', r"\\\1", word) + '"'


def main(arguments: Sequence[str]) -> int:
    """Print the tables of an IP version; 77 if python-iptables is not installed."""
    version, *tables = arguments
    if iptc is None:
        return MISSING
    kind = iptc.Table6 if version == "6" else iptc.Table
    text = "\n".join(line for name in tables for line in lines(kind(name)))
    sys.stdout.write(text + "\n")
    return 0
