"""A plan for a review: one `diff` block a node, which forges colour by sign."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netplan.cli.views.lines import Block, blocks, remarks, summary_line
from netplan.plan import Plan


def plan_markdown(plan: Plan) -> str:
    """Give a plan as markdown."""
    parts = [f"### Plan for {plan.cluster}", ""]
    for block in blocks(plan):
        parts += _block(block)
    return "\n".join([*parts, summary_line(plan, "Plan"), ""])


def _block(block: Block) -> Iterator[str]:
    fence = "`" * max(3, 1 + max((len(run) for line in block.lines for run in re.findall("`+", line.text)), default=0))
    yield from (f"**{block.title}** ({block.source})", "", f"{fence}diff")
    for line in block.lines:
        sign = "!" if line.sign == "~" else line.sign
        yield f"{sign} {line.kind} {line.text}  # {line.reason}"
        yield from (f"!   {detail}" for detail in line.details)
    for traffic in block.traffic:
        blame = f"  # {traffic.blame}" if traffic.blame else ""
        yield f"{'!' if traffic.sign == '!' else ' '} traffic {traffic}{blame}"
    yield from (fence, "")
    said = [f"- {remark}" for remark in remarks(block.nodes[0])]
    yield from [*said, ""] if said else []
