"""A machine in memory for the tests of use cases: its kernel, a folder, what was noted, and no guard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from netplan.kinds.connection.value import Connection
from netplan.kinds.snapshot import Snapshot
from netplan.operations.machine import Connections, Machine
from netplan.store.journal import JournalEntry
from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.reports import Kept


class Tracked:
    """The connections that a kernel tracks; those that were ended are counted."""

    def __init__(self, *connections: Connection) -> None:
        self.connections = connections
        self.ended = 0

    def read(self, wanted: Callable[[Connection], bool], version: int) -> tuple[Connection, ...]:
        """Return those that are wanted of an IP version."""
        return tuple(
            connection for connection in self.connections if connection.source.version == version and wanted(connection)
        )

    def end(self, connections: Iterable[Connection]) -> int:
        """Count what is ended."""
        ended = len([*connections])
        self.ended += ended
        return ended


def machine(
    folder: Path, kernel: MemoryKernel | Snapshot | None = None, tracked: Tracked | None = None
) -> tuple[Machine, MemoryKernel, Kept]:
    """Return a machine that remembers in a folder, with its kernel and its report; a usual node by default."""
    here = kernel if isinstance(kernel, MemoryKernel) else MemoryKernel(kernel or make.snapshot(make.docker()))
    report, connections = Kept(), tracked or Tracked()
    tracking = Connections(connections.read, connections.end)
    this = Machine(lambda _: here, Store(folder), report, tracking, _no_table, arm=_unguarded)
    return this, here, report


def _no_table(_version: int, _name: str) -> None:
    """Say that a table is gone: a kernel in memory has none that is empty."""


def _unguarded(_store: Store, _descriptor: int) -> Callable[[JournalEntry], None]:
    return lambda _entry: None


class Answer:
    """Says yes or no, and keeps what was asked."""

    def __init__(self, *, yes: bool = True) -> None:
        self.asked: list[Any] = []
        self._yes = yes

    def __call__(self, thing: object) -> bool:
        """Keep it, and answer."""
        self.asked.append(thing)
        return self._yes
