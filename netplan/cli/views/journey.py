"""A packet's way over the nodes of a cluster for a terminal: a line for each node, below it what touched the packet.

Of all that follows the packet the way is one line, but for what does not arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from netplan.cli.views.styled import Styled
from netplan.cli.views.trace import add_steps, add_verdict
from netplan.net import printable
from netplan.trace.flow import Phase
from netplan.trace.journey import Ending, Hop, Journey, Leg

_INDENT: Final = "    "
_AT: Final = {
    Ending.POD: "arrives at a pod of {}",
    Ending.NODE: "arrives at {}",
    Ending.OUTSIDE: "leaves the cluster",
    Ending.STOPPED: "goes no further than {}",
    Ending.UNRECORDED: "the state of {} is not known",
    Ending.ROUTER: "where a router behind {} sends it is not known",
    Ending.LOOP: "goes round, and comes to {} again",
    Ending.BOUND: "too many ways to follow at {}",
}


def journeys_text(journeys: Sequence[Journey], remarks: Iterable[str]) -> Styled:
    """Lay out the journeys of which a packet takes one, below what is to be known before."""
    text = Styled()
    for remark in remarks:
        text.append(f"{remark}\n", style="yellow")
    for number, journey in enumerate(journeys):
        if len(journeys) > 1:
            text.append(f"{'or ' if number else ''}possibly:\n", style="yellow")
        _add_journey(text, journey)
        text.append("\n" if number < len(journeys) - 1 else "")
    return text


def _add_journey(text: Styled, journey: Journey) -> None:
    for leg in journey.legs:
        if leg.phase in (Phase.FIRST, journey.phase):
            _add_way(text, leg)
        else:
            text.append(f"{leg.phase}: {', '.join(map(_passed, leg.walk.hops))}: {_ending(leg)}\n", style="dim")
    astray = journey.phase is not Phase.FIRST and journey.way.arrived
    if astray:
        text.append("astray", style="bold red")
    else:
        add_verdict(text, journey.verdict)
    packet = f"{journey.source or 'unknown'} -> {journey.destination or 'unknown'}"
    if journey.phase is Phase.FIRST:
        text.append(f"  {packet}, {_ending(journey.legs[0])}")
    else:
        text.append(f"  {journey.phase} to {packet}: {_ending(journey.legs[-1])}")


def _add_way(text: Styled, leg: Leg) -> None:
    if leg.phase is not Phase.FIRST:
        text.append(f"{leg.phase}:\n", style="bold")
    for hop in leg.walk.hops:
        text.append(f"{_passed(hop)}\n", style="bold")
        add_steps(text, hop.steps, _INDENT)
        if hop.carried:
            text.append(f"{_INDENT}carried by {', '.join(map(_passed, hop.carried))}\n", style="dim")
            add_steps(text, hop.carried[-1].steps, _INDENT * 2)


def _passed(hop: Hop) -> str:
    """Say by which devices packets pass a node: `n1 docker0 -> eth0 via 10.4.7.22`."""
    via = "" if hop.next_hop is None else f" via {hop.next_hop}"
    return f"{hop.host} {printable(hop.iif or 'itself')} -> {printable(hop.oif or 'nowhere')}{via}"


def _ending(leg: Leg) -> str:
    return _AT[leg.walk.ending].format(leg.walk.ended)
