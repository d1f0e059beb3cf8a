"""Puts the table of bench/results.json into docs/performance.md, between the two comments that mark its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from run import HEAD, row_of

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs/performance.md"
PLACE = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->\n)", re.DOTALL)


def table(results: dict[str, Any]) -> str:
    """Return the results as markdown, with the machine that they were measured on and the picture of size."""
    lines = [f"Measured on {results['machine']}; whole processes, medians; the ratio is in wall time.", "", HEAD]
    lines += [str(row_of(row)) for row in results["rows"]]
    picture = "![CPU time of drift against the number of nodes](../bench/size.svg)"
    return "\n".join([*lines, "", picture, ""])


def main() -> None:
    """Fill the page."""
    results = json.loads((HERE / "results.json").read_text())
    text = table(results)
    PAGE.write_text(PLACE.sub(lambda marks: f"{marks[1]}{text}{marks[2]}", PAGE.read_text()))


if __name__ == "__main__":
    main()
