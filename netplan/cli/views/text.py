"""A plan for a terminal: 80 columns are enough, and what does not change is not shown."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from netplan.cli.views.lines import Block, Line, blocks, remarks, summary_line
from netplan.plan import Plan

_STYLES: Final = {"+": "green", "-": "red", "~": "yellow"}
_WIDTH: Final = 80
_INDENT: Final = " " * 12


def plan_text(plan: Plan) -> Text:
    """Lay a plan out, a block for each node or each group of nodes that change alike."""
    text = Text()
    for block in blocks(plan):
        _add_block(text, block)
    return text.append(summary_line(plan), style="bold")


def _add_block(text: Text, block: Block) -> None:
    text.append(block.title, style="bold").append(f"   {block.source}\n", style="dim")
    for line in block.lines:
        _add_line(text, line)
    for remark in remarks(block.nodes[0]):
        text.append(f"  ! {remark}\n", style="bold red" if remark.startswith("refused") else "yellow")


def _add_line(text: Text, line: Line) -> None:
    head = f"  {line.sign} {line.kind:<7} {line.text}"
    text.append(head, style=_STYLES[line.sign])
    room = _WIDTH - len(head)
    text.append(
        f"{line.reason:>{room}}\n" if len(line.reason) + 2 <= room else f"\n{line.reason:>{_WIDTH}}\n", style="dim"
    )
    for detail in line.details:
        text.append(f"{_INDENT}{detail}\n", style=_STYLES[line.sign])
