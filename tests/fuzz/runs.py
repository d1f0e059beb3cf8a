"""One hostile input: how it is made of a seed and a number, and what running it finds."""

from __future__ import annotations

import os
import resource
import shutil
import traceback
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec import Struct

from tests.fuzz.sandbox import MAX_BYTES, FindingError
from tests.fuzz.surfaces import SURFACES


class Found(Struct, frozen=True):
    """What an input found: its surface, its number, and what podnet did that it must not do."""

    name: str
    number: int
    what: str


class Piece(NamedTuple):
    """Some of the inputs of a surface: their numbers."""

    name: str
    numbers: range


def file_of(name: str, seed: int, number: int) -> bytes:
    """Make an input of a surface."""
    surface = SURFACES[name]
    random = Random(f"{name}/{seed}/{number}")
    return surface.change(random, random.choice(surface.seeds()))


def run(name: str, seed: int, number: int, folder: Path) -> Found | None:
    """Run an input in an empty folder; None if podnet did nothing wrong."""
    return run_data(name, number, file_of(name, seed, number), folder)


def run_data(name: str, number: int, data: bytes, folder: Path) -> Found | None:
    """Run some bytes as an input of a surface; the number decides what is done with them where there is a choice."""
    try:
        SURFACES[name].run(folder, data, Random(f"{name}/{number}"))
    except FindingError as finding:
        return Found(name, number, str(finding))
    except Exception:
        return Found(name, number, traceback.format_exc())
    return None


def limit_memory() -> None:
    """Let this process have no more memory than podnet may take."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))


def run_piece(seed: int, piece: Piece) -> list[Found]:
    """Run some inputs of a surface, and return what they found."""
    findings = []
    with TemporaryDirectory(prefix="podnet-fuzz-") as folder:
        for number in piece.numbers:
            work = Path(folder) / str(number)
            work.mkdir()
            result = run(piece.name, seed, number, work)
            findings += [] if result is None else [result]
            os.chdir("/")
            shutil.rmtree(work)
    return findings
