"""A packet's way for a terminal: one line for what touched it, one for what that did, the verdict at the end."""

from __future__ import annotations

from typing import Final

from netplan.cli.views.styled import Styled
from netplan.net import printable
from netplan.trace import PacketVerdict, Trace

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
    for step in trace.steps:
        text.append(f"{printable(step.at):<{_WIDTH}} {printable(step.rule)}".rstrip() + "\n")
        text.append(f"{'':<{_WIDTH}} => {printable(step.effect)}\n", style="dim" if step.certain else "yellow")
    text.append(trace.verdict.value, style=f"bold {_STYLES[trace.verdict]}")
    return text.append(f"  {_outcome(trace)}")


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
