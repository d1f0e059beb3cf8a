"""Draws bench/size.svg from bench/results.json: what drift in sync costs against the number of nodes."""

from __future__ import annotations

import json
import re
from math import log10
from pathlib import Path

HERE = Path(__file__).parent
WIDTH, HEIGHT, LEFT, TOP = 560, 320, 64, 24
STYLE = "font: 12px sans-serif; fill: #666"


def points() -> list[tuple[int, float]]:
    """Return the sizes that were measured, each with the seconds of CPU time of a drift."""
    rows = json.loads((HERE / "results.json").read_text())["rows"]
    named = ((re.fullmatch(r"drift, in sync, ([\d,]+) nodes", row["what"]), row["ours"]["cpu"]) for row in rows)
    found = {int(name[1].replace(",", "")): cpu for name, cpu in named if name}
    return sorted(found.items())


def svg(measured: list[tuple[int, float]]) -> str:
    """Draw points with both axes logarithmic, and the straight line of what grows as the number of nodes."""
    right, bottom = WIDTH - LEFT, HEIGHT - 2 * TOP
    least = min(cpu for _, cpu in measured) / 2
    decades = (log10(measured[-1][0] / measured[0][0]), log10(measured[-1][1] * 2 / least))

    def place(nodes: int, cpu: float) -> tuple[float, float]:
        x = LEFT + (right - LEFT) * log10(nodes / measured[0][0]) / decades[0]
        return x, bottom - (bottom - TOP) * log10(cpu / least) / decades[1]

    last, most = measured[-1]
    first = max(measured[0][0], round(last * least / most))
    line = [place(first, most * first / last), place(last, most)]
    placed = [place(*each) for each in measured]
    parts = [
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#999"/>',
        f'<polyline points="{_points(line)}" fill="none" stroke="#bbb" stroke-dasharray="4"/>',
        f'<polyline points="{_points(placed)}" fill="none" stroke="#06c" stroke-width="2"/>',
        f'<text x="{LEFT}" y="{HEIGHT - 8}" style="{STYLE}">nodes of the cluster; dashed: in proportion to them</text>',
        f'<text x="4" y="14" style="{STYLE}">CPU seconds of podnet drift, in sync</text>',
    ]
    for (nodes, cpu), (x, y) in zip(measured, placed, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#06c"/>')
        parts.append(f'<text x="{x - 10:.1f}" y="{y - 10:.1f}" style="{STYLE}">{cpu:.2f} s</text>')
        parts.append(f'<text x="{x - 16:.1f}" y="{bottom + 18}" style="{STYLE}">{nodes:,}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>", ""])


def _points(placed: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)


if __name__ == "__main__":
    (HERE / "size.svg").write_text(svg(points()))
