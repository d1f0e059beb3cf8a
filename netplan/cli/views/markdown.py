"""A plan for a review: one `diff` block a node, which forges colour by sign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from netplan.cli.views.lines import OPENS, Block, TrafficLine, blocks, remarks, summary_line
from netplan.planning.plan import Plan


def plan_markdown(plan: Plan, settings: Sequence[str] = ()) -> str:
    """Return a plan as markdown; of a move between specs `settings` are the differences of those."""
    parts = [f"### Plan for {plan.cluster}", ""]
    parts += [*(f"- spec: {_code(line)}" for line in settings), ""] if settings else []
    for block in blocks(plan):
        parts += _block(block)
    return "\n".join([*parts, summary_line(plan, "Plan"), ""])


def _block(block: Block) -> Iterator[str]:
    fence = "`" * max(3, 1 + _ticks(text for line in block.lines for text in (line.text, *line.details)))
    yield from (f"**{block.title}** ({block.source})", "", f"{fence}diff")
    yield from _traffic(line for line in block.traffic if line.kind == OPENS)
    for line in block.lines:
        sign = "!" if line.sign == "~" else line.sign
        yield f"{sign} {line.kind} {line.text}  # {line.reason}"
        yield from (f"{sign}   {detail}" for detail in line.details)
    yield from _traffic(line for line in block.traffic if line.kind != OPENS)
    yield from (fence, "")
    shown = [f"- {remark}" for remark in remarks(block.nodes[0])]
    yield from [*shown, ""] if shown else []


def _traffic(lines: Iterable[TrafficLine]) -> Iterator[str]:
    for line in lines:
        blame = f"  # {line.blame}" if line.blame else ""
        yield f"{'!' if line.sign == '!' else ' '} {line.kind} {line}{blame}"


def _code(text: str) -> str:
    ticks = _ticks([text])
    fence, space = "`" * (1 + ticks), " " * bool(ticks)
    return f"{fence}{space}{text}{space}{fence}"


def _ticks(texts: Iterable[str]) -> int:
    """Return how many backticks stand in a row at the most."""
    return max((len(run) for text in texts for run in re.findall("`+", text)), default=0)
