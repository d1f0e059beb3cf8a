"""A packet's way for a terminal: one line for what touched it, one for what that did, the verdict at the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from netplan.cli.views.styled import Styled
from netplan.net import printable
from netplan.trace import PacketVerdict, Step, Trace

_STYLES: Final = {
    PacketVerdict.ACCEPT: "green",
    PacketVerdict.DROP: "red",
    PacketVerdict.REJECT: "red",
    PacketVerdict.UNKNOWN: "yellow",
}
_WIDTH: Final = 28


def way_text(trace: Trace) -> Styled:
    """Lay out the steps of a trace and its verdict."""
    text = Styled()
    add_steps(text, trace.steps)
    add_verdict(text, trace.verdict)
    return text.append(f"  {_outcome(trace)}")


def add_steps(text: Styled, steps: Iterable[Step], indent: str = "") -> None:
    """Add two lines for each rule or route that touched packets."""
    for step in steps:
        text.append(f"{indent}{printable(step.at):<{_WIDTH}} {printable(step.rule)}".rstrip() + "\n")
        text.append(f"{indent}{'':<{_WIDTH}} => {printable(step.effect)}\n", style="dim" if step.certain else "yellow")


def add_verdict(text: Styled, verdict: PacketVerdict) -> None:
    """Add what becomes of packets, in its colour."""
    text.append(verdict.value, style=f"bold {_STYLES[verdict]}")


def _outcome(trace: Trace) -> str:
    """Return a packet as it leaves, or as it was where its way ended."""
    words = [f"{trace.source or 'unknown'} -> {trace.destination or 'unknown'}"]
    if trace.verdict in (PacketVerdict.ACCEPT, PacketVerdict.UNKNOWN):
        words.append("for this node" if trace.oif == "lo" else f"dev {trace.oif or 'unknown'}")
        if trace.next_hop is not None:
            words.append(f"via {trace.next_hop}")
    if trace.doubt is not None:
        words.append(f"(unknown because of {printable(trace.doubt.at)})")
    return " ".join(words)
