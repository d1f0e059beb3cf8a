"""A plan for a terminal: 80 columns are enough, and what does not change is not shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from netplan.cli.views.lines import DRIFT, OPENS, Block, Line, TrafficLine, blocks, remarks, summary_line
from netplan.cli.views.styled import Styled
from netplan.planning.plan import Plan

_STYLES: Final = {"+": "green", "-": "red", "~": "yellow", "=": "cyan", "!": "bold red", "?": "yellow", "$": "magenta"}
_WIDTH: Final = 80
_INDENT: Final = " " * 12


def plan_text(plan: Plan, title: str = "Plan", width: int = _WIDTH, settings: Sequence[str] = ()) -> Styled:
    """Lay a plan out within a width, a block for each node or each group of nodes that change alike.

    What it opens comes first, what it does to other traffic last; for a node that has drifted, whose traffic suffers
    already, both come first. `settings` are what the specs say otherwise of which it is the move, and stand at the
    head.
    """
    text = Styled()
    for line in settings:
        text.append(f"spec  {line}\n", style="yellow")
    for block in blocks(plan):
        _add_block(text, block, width, traffic_first=title == DRIFT)
    return text.append(summary_line(plan, title), style="bold")


def _add_block(text: Styled, block: Block, width: int, *, traffic_first: bool) -> None:
    text.append(block.title, style="bold").append(f"   {block.source}\n", style="dim")
    _add_traffic(text, [line for line in block.traffic if line.kind == OPENS], width)
    traffic = [line for line in block.traffic if line.kind != OPENS]
    if traffic_first:
        _add_traffic(text, traffic, width)
    for line in block.shortened:
        _add_line(text, line, width)
    if not traffic_first:
        _add_traffic(text, traffic, width)
    for remark in remarks(block.nodes[0]):
        text.append(f"  ! {remark}\n", style="bold red" if remark.refuses else "yellow")


def _add_traffic(text: Styled, lines: Sequence[TrafficLine], width: int) -> None:
    """Add what the plan does to traffic, and what is to blame for how it fares now."""
    for line in lines:
        _add(text, f"  {line.sign} {line.kind:<7} {line}", line.blame, width, _STYLES[line.sign])


def _add(text: Styled, head: str, reason: str, width: int, style: str) -> None:
    """Add a line, its reason at the right edge, or below where there is no room."""
    text.append(head, style=style)
    fits = len(head) + 2 + len(reason) <= width
    if not reason:
        text.append("\n")
    elif fits:
        text.append(f"{reason:>{width - len(head)}}\n", style="dim")
    else:
        text.append(f"\n{reason:>{width}}\n", style="dim")


def _add_line(text: Styled, line: Line, width: int) -> None:
    _add(text, f"  {line.sign} {line.kind:<7} {line.text}", line.reason, width, _STYLES[line.sign])
    for detail in line.details:
        text.append(f"{_INDENT}{detail}\n", style=_STYLES[line.sign])
