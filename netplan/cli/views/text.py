"""A plan for a terminal: 80 columns are enough, and what does not change is not shown."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from netplan.cli.views.lines import Block, Line, blocks, remarks, summary_line
from netplan.plan import Plan

_STYLES: Final = {"+": "green", "-": "red", "~": "yellow"}
_WIDTH: Final = 80
_INDENT: Final = " " * 12


def plan_text(plan: Plan, title: str = "Plan", width: int = _WIDTH) -> Text:
    """Lay a plan out within a width, a block for each node or each group of nodes that change alike."""
    text = Text()
    for block in blocks(plan):
        _add_block(text, block, width)
    return text.append(summary_line(plan, title), style="bold")


def _add_block(text: Text, block: Block, width: int) -> None:
    text.append(block.title, style="bold").append(f"   {block.source}\n", style="dim")
    for line in block.lines:
        _add_line(text, line, width)
    for remark in remarks(block.nodes[0]):
        text.append(f"  ! {remark}\n", style="bold red" if remark.startswith("refused") else "yellow")


def _add_line(text: Text, line: Line, width: int) -> None:
    head = f"  {line.sign} {line.kind:<7} {line.text}"
    text.append(head, style=_STYLES[line.sign])
    fits = len(head) + 2 + len(line.reason) <= width
    text.append(f"{line.reason:>{width - len(head)}}\n" if fits else f"\n{line.reason:>{width}}\n", style="dim")
    for detail in line.details:
        text.append(f"{_INDENT}{detail}\n", style=_STYLES[line.sign])
