"""`make fuzz SEED=n COUNT=n`: run so many hostile inputs of every kind; what podnet must not do is shown and kept.

The same seed makes the same inputs. An input that finds something is written to a folder, from where it goes to
`tests/fuzz/inputs/` once it is mended.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from tests.fuzz.runs import Piece, file_of, limit_memory, run_piece
from tests.fuzz.surfaces import SURFACES

_PIECE: Final = 200
"""How many inputs one process runs: what it has allocated is gone then."""


def pieces(count: int, only: str | None) -> list[Piece]:
    """Part the inputs of all surfaces, or of one, into what one process runs."""
    shares = {name: surface.share for name, surface in SURFACES.items() if only in (None, name)}
    whole = sum(shares.values())
    counts = {name: max(1, count * share // whole) for name, share in shares.items()}
    parts = [(name, start, total) for name, total in counts.items() for start in range(0, total, _PIECE)]
    mixed = sorted(parts, key=lambda part: part[1] / part[2])
    return [Piece(name, range(start, min(start + _PIECE, total))) for name, start, total in mixed]


def main() -> int:
    """Run the inputs that are asked for; 1 if one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--only", choices=SURFACES)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    begun, done, findings = time.monotonic(), Counter[str](), Counter[str]()
    work = pieces(options.count, options.only)
    with ProcessPoolExecutor(options.jobs, max_tasks_per_child=1, initializer=limit_memory) as pool:
        for piece, new in zip(work, pool.map(partial(run_piece, options.seed), work), strict=True):
            done[piece.name] += len(piece.numbers)
            findings[piece.name] += len(new)
            for finding in new:
                options.out.mkdir(exist_ok=True)
                (options.out / f"{finding.name}-{options.seed}-{finding.number}").write_bytes(
                    file_of(finding.name, options.seed, finding.number)
                )
                sys.stdout.write(f"{finding.name} {options.seed}/{finding.number}: {finding.what[:2000]}\n")
            sys.stderr.write(f"{done.total()} inputs, {findings.total()} findings\n")
    for name, count in done.items():
        sys.stdout.write(f"{name:<14} {count:>7} inputs {findings[name]:>5} findings\n")
    total = f"{done.total()} inputs, {time.monotonic() - begun:.0f} s, {findings.total()} findings"
    sys.stdout.write(f"{total}, seed {options.seed}\n")
    return int(bool(findings.total()))


if __name__ == "__main__":
    sys.exit(main())
