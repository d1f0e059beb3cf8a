"""Holds what the fast tests cover of the package to what each of its rooms must have covered.

A file of RULES passes when enough of its lines and branches are covered, or misses exactly as many as
`tests/tools/coverage.json` excuses, with a reason. Those excuses may only shrink.

    python tools/coverage_gate.py REPORT [--lower]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
EXCUSES: Final = ROOT / "tests/tools/coverage.json"
RULES: Final = {
    "netplan/planning/": 100,
    "netplan/desired/": 100,
    "netplan/trace/": 100,
    "netplan/spec/": 100,
    "netplan/netfilter/": 100,
    "netplan/kinds/*/value.py": 100,
    "netplan/kinds/*/codec.py": 100,
    "netplan/operations/": 95,
}
"""How many percent of the lines and branches of each file in a directory, or of a pattern, must be covered."""


@dataclass(frozen=True)
class Covered:
    """How many of a file's lines and branches the tests ran, of how many that there are."""

    covered: int
    total: int

    @property
    def missing(self) -> int:
        """Return how many were not run."""
        return self.total - self.covered

    def reaches(self, percent: int) -> bool:
        """Return whether at least so many percent were run."""
        return self.covered * 100 >= self.total * percent


@dataclass(frozen=True)
class Excuse:
    """How many lines and branches of a file may be missing, and why."""

    missing: int
    reason: str


def read_report(report: Mapping[str, Any]) -> dict[str, Covered]:
    """Return what is covered of each file, of a JSON report of coverage with branches."""
    return {path: _covered(file["summary"]) for path, file in report["files"].items()}


def read_excuses(text: str) -> dict[str, Excuse]:
    """Return the excuses that a JSON text lists by file."""
    return {path: Excuse(**fields) for path, fields in json.loads(text).items()}


def required(path: str) -> int:
    """Return how many percent of a file must be covered: 0 where no rule names it."""
    named = (percent for rule, percent in RULES.items() if path.startswith(rule) or PurePosixPath(path).match(rule))
    return max(named, default=0)


def complaints(files: Mapping[str, Covered], excuses: Mapping[str, Excuse]) -> Iterator[str]:
    """Yield what is wrong with each file that covers less than it is excused for, and with excuses of no file."""
    for path in sorted(excuses.keys() - files.keys()):
        yield f"{path}: there is no such file: delete its entry"
    for path, file in sorted(files.items()):
        allowed = excuses[path].missing if path in excuses else 0
        if file.missing > allowed and not file.reaches(required(path)):
            yield f"{path}: {file.missing} lines and branches are not covered, {allowed} may be: test them"


def remarks(files: Mapping[str, Covered], excuses: Mapping[str, Excuse]) -> Iterator[str]:
    """Yield which excuses are larger than a file needs: it may need them again where a test depends on the machine."""
    for path, excuse in sorted(excuses.items()):
        file = files.get(path)
        if file is not None and file.reaches(required(path)):
            yield f"{path}: covers what it must: delete its entry"
        elif file is not None and file.missing < excuse.missing:
            missing = f"{file.missing} lines and branches are not covered"
            yield f"{path}: {missing}, fewer than {excuse.missing}: lower its entry"


def lowered(files: Mapping[str, Covered], excuses: Mapping[str, Excuse]) -> dict[str, Excuse]:
    """Return the excuses that are still needed, none of them larger than before."""
    return {
        path: Excuse(min(excuse.missing, files[path].missing), excuse.reason)
        for path, excuse in excuses.items()
        if path in files and not files[path].reaches(required(path))
    }


def main(arguments: Sequence[str]) -> int:
    """Compare a report with the excuses, or lower them; return 1 where the report does not fit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--lower", action="store_true", help="write the excuses anew, without what none needs any more")
    options = parser.parse_args(arguments)
    files = read_report(json.loads(options.report.read_text()))
    excuses = read_excuses(EXCUSES.read_text())
    if options.lower:
        excuses = lowered(files, excuses)
        EXCUSES.write_text(json.dumps({path: vars(excuse) for path, excuse in excuses.items()}, indent=2) + "\n")
    failures, larger = list(complaints(files, excuses)), list(remarks(files, excuses))
    if failures or larger:
        where = f"The entries are in {EXCUSES.relative_to(ROOT)}"
        print(
            *failures,
            *larger,
            f"{where}; `python tools/coverage_gate.py {options.report} --lower` lowers them.",
            sep="\n",
        )
    return 1 if failures else 0


def _covered(summary: Mapping[str, int]) -> Covered:
    return Covered(
        summary["covered_lines"] + summary["covered_branches"], summary["num_statements"] + summary["num_branches"]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
