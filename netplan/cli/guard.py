"""The guard of an apply as a process: `podnet internal guard FOLDER ID [READY LOCK]`, with `guard.Descriptors`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from netplan.kernel.linux import Linux
from netplan.kernel.tables import take_away
from netplan.operations.guard import Descriptors, run_guard
from netplan.store.store import Store


def main(words: Sequence[str]) -> int:
    """Watch an entry of the journal in a folder on this machine's kernel; tables that it makes are noted there."""
    folder, entry, *numbers = words
    store = Store(Path(folder))
    descriptors = Descriptors(*map(int, numbers)) if numbers else None
    return run_guard(store, entry, descriptors, partial(Linux, making=store.tables.note), take_away)
