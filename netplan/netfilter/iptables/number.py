"""Numbers in the options of rules: ports, marks, rates, probabilities.

A reader is called with a text as a person or iptables-save writes it, and the IP version. It gives the canonical
text, as iptables 1.8.9 prints it (libxtables, and each extension's own code), or raises ValueError with what would be
right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from netplan.netfilter.iptables.names import DSCP_CLASSES, SERVICES

Reader = Callable[[str, int], str]

_FULL_MARK: Final = 0xFFFFFFFF
_INTEGER: Final = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
_PROBABILITY: Final = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PROBABILITY_UNIT: Final = 1 << 31
_RATE: Final = re.compile(r"([0-9]{1,9})(?:/([A-Za-z]+))?")
_RATE_UNIT: Final = 10_000
_PERIODS: Final = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_PERIOD_NAMES: Final = {"day": "day", "hour": "hour", "minute": "min", "second": "sec"}


def integer(text: str, low: int, high: int) -> int:
    """Read a whole number as C's strtoul does: `0x` is hexadecimal, a leading `0` is octal."""
    if len(text) <= 20 and _INTEGER.fullmatch(text):
        base = 16 if text[:2] in ("0x", "0X") else 8 if text[0] == "0" else 10
        value = int(text, base)
        if low <= value <= high:
            return value
    raise ValueError(f"{text!r} is not a whole number from {low} to {high}")


def named(text: str, value: int | None, high: int, what: str) -> int:
    """Return the value that a name has, or else the number that the text is; ValueError says that it is not `what`."""
    try:
        return integer(text, 0, high) if value is None else value
    except ValueError as error:
        raise ValueError(f"{text!r} is not {what}") from error


def number(low: int, high: int) -> Reader:
    """Make a reader of whole numbers."""

    def read(text: str, _version: int) -> str:
        return str(integer(text, low, high))

    return read


def number_range(separator: str, high: int, *, open_ends: bool) -> Reader:
    """Make a reader of ranges such as `5:10`; with `open_ends` also `5:` and `:10`."""

    def read(text: str, _version: int) -> str:
        return _range(text, separator, high, lambda word: integer(word, 0, high), open_ends=open_ends)

    return read


def _range(text: str, separator: str, high: int, read: Callable[[str], int], *, open_ends: bool) -> str:
    first_text, ranged, last_text = text.partition(separator)
    first = 0 if ranged and open_ends and not first_text else read(first_text)
    if not ranged:
        return str(first)
    last = high if open_ends and not last_text else read(last_text)
    if first > last:
        raise ValueError(f"{text!r} starts after its end")
    return str(first) if first == last else f"{first}{separator}{last}"


def _port(text: str) -> int:
    return named(text, SERVICES.get(text), 0xFFFF, "a port: a number from 0 to 65535")


def port(text: str, _version: int) -> str:
    """Read one port."""
    return str(_port(text))


def port_range(text: str, _version: int) -> str:
    """Read `80`, `http`, `1024:65535`, `1024:` or `:1023`."""
    return _range(text, ":", 0xFFFF, _port, open_ends=True)


def port_list(text: str, _version: int) -> str:
    """Read up to 15 ports; a range counts as two (iptables-extensions(8), multiport)."""
    ports = [_range(word, ":", 0xFFFF, _port, open_ends=False) for word in text.split(",")]
    if len(ports) + text.count(":") > 15:
        raise ValueError(f"{text!r} is more than 15 ports: a range counts as two")
    return ",".join(ports)


def nat_ports(text: str, _version: int) -> str:
    """Read `8080` or `1024-2048`."""
    return _range(text, "-", 0xFFFF, _port, open_ends=False)


def _masked(text: str) -> tuple[int, int | None]:
    value, slash, mask = text.partition("/")
    return integer(value, 0, _FULL_MARK), integer(mask, 0, _FULL_MARK) if slash else None


def mark(text: str, _version: int) -> str:
    """Read a mark to compare with; a full mask is left out."""
    value, mask = _masked(text)
    return f"{value:#x}" if mask in (None, _FULL_MARK) else f"{value:#x}/{mask:#x}"


def xmark(text: str, _version: int) -> str:
    """Read `--set-xmark`: the mask's bits are cleared, then the value's are flipped."""
    value, mask = _masked(text)
    return f"{value:#x}/{_FULL_MARK if mask is None else mask:#x}"


def set_mark(text: str, _version: int) -> str:
    """Read `--set-mark` as the `--set-xmark` that does the same."""
    value, mask = _masked(text)
    return f"{value:#x}/{_FULL_MARK if mask is None else value | mask:#x}"


def or_mark(text: str, _version: int) -> str:
    """Read `--or-mark` as the `--set-xmark` that does the same."""
    value = integer(text, 0, _FULL_MARK)
    return f"{value:#x}/{value:#x}"


def and_mark(text: str, _version: int) -> str:
    """Read `--and-mark` as the `--set-xmark` that does the same."""
    return f"0x0/{integer(text, 0, _FULL_MARK) ^ _FULL_MARK:#x}"


def xor_mark(text: str, _version: int) -> str:
    """Read `--xor-mark` as the `--set-xmark` that does the same."""
    return f"{integer(text, 0, _FULL_MARK):#x}/0x0"


def hexadecimal(text: str, _version: int) -> str:
    """Read a number of 32 bits that is printed in hexadecimal."""
    return f"{integer(text, 0, _FULL_MARK):#x}"


def dscp(text: str, _version: int) -> str:
    """Read a differentiated services code point."""
    return f"0x{integer(text, 0, 63):02x}"


def dscp_class(text: str, _version: int) -> str:
    """Read the name of a differentiated services class as its code point."""
    if text.lower() not in DSCP_CLASSES:
        raise ValueError(f"{text!r} is not a class: BE, EF, CS0 to CS7 or AF11 to AF43")
    return f"0x{DSCP_CLASSES[text.lower()]:02x}"


def probability(text: str, _version: int) -> str:
    """Read a probability, which the kernel keeps in units of 2^-31."""
    value = float(text) if _PROBABILITY.fullmatch(text) else -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not a number from 0 to 1")
    return f"{int(value * _PROBABILITY_UNIT + 0.5) / _PROBABILITY_UNIT:.11f}"


def rate(text: str, _version: int) -> str:
    """Read `5/minute`; the kernel keeps the time between two packets, in units of 0.1 ms."""
    match = _RATE.fullmatch(text)
    per = (match[2] or "second").lower() if match else ""
    seconds = next((seconds for name, seconds in _PERIODS.items() if per and name.startswith(per)), 0)
    count = int(match[1]) if match else 0
    interval = _RATE_UNIT * seconds // count if count else 0
    if not interval:
        raise ValueError(f"{text!r} is not a rate, such as 5/minute, of at most {_RATE_UNIT}/second")
    return _rate_of(interval)


def _rate_of(interval: int) -> str:
    """Return a rate in the shortest period that loses little, as libxt_limit's print_rate chooses it."""
    chosen = "day"
    for name in ("hour", "minute", "second"):
        period = _RATE_UNIT * _PERIODS[name]
        if interval > period or period // interval < period % interval:
            break
        chosen = name
    return f"{_RATE_UNIT * _PERIODS[chosen] // interval}/{_PERIOD_NAMES[chosen]}"
