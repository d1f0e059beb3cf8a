"""The limits of nftables in the words of hashlimit, connlimit and quota."""

from __future__ import annotations

from typing import Final

from netplan.netfilter.nftables.expression import Expression
from netplan.netfilter.nftables.path import Path

_PERIODS: Final = {1: "sec", 60: "min", 3600: "hour", 86400: "day"}
_FLAGS: Final = {"limit": 5, "connlimit": 2, "quota": 2}
_INVERTED: Final = 1
_OF_BYTES: Final = 1


def limited(path: Path, expression: Expression) -> Path:
    """Read a limit that packets are to stay under, or with `over` that they are to have passed."""
    over = bool(expression.number(_FLAGS[expression.name], 0) & _INVERTED)
    return path.saying(f"-m {_words(expression, over=over)}")


def _words(expression: Expression, *, over: bool) -> str:
    number = expression.number(1)
    side = "above" if over else "upto"
    if expression.name == "quota":
        return f"quota {'! ' if over else ''}--quota {number}"
    if expression.name == "connlimit":
        return f"connlimit --connlimit-{side} {number}"
    unit = "b" if expression.number(4, 0) == _OF_BYTES else ""
    seconds = expression.number(2)
    return f"hashlimit --hashlimit-{side} {number}{unit}/{_PERIODS.get(seconds, f'{seconds}s')}"
