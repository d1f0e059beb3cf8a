"""Tables of nftables that podnet created: noted when they are created, deleted when they are unused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from netplan.errors import message_of
from netplan.kernel import tables
from netplan.kernel.linux import Linux
from netplan.net import counted
from netplan.netfilter.nftables.table import table_name
from netplan.operations.report import Report
from netplan.operations.settle import OpenKernel
from netplan.store.store import Store

TakeAway = Callable[[int, str], tables.Stays | None]
"""Deletes a table of an IP version from the kernel if it is unused; None if it is gone."""


def noting(store: Store) -> OpenKernel:
    """Return what opens the kernel of this node so that the tables which it creates are noted."""
    return partial(Linux, making=store.tables.note)


@contextmanager
def clearing_away(store: Store, report: Report) -> Iterator[None]:
    """Delete, at the end of a block that holds the lock, the tables that podnet created and no program uses."""
    try:
        yield
    finally:
        for remark in clear_away(store):
            report.note(remark)


def clear_away(store: Store, take_away: TakeAway = tables.take_away) -> tuple[str, ...]:
    """Delete the noted tables that are unused, and return in sentences why others stay. The caller holds the lock.

    Never fails: what can't be deleted stays noted for the next time. Without a note the kernel is not read.
    """
    try:
        noted = store.tables.read()
        left = {table: stays for table in noted if (stays := take_away(*table)) is not None}
        if len(left) < len(noted):
            store.tables.keep(left)
    except Exception as error:
        return (f"warning: {message_of(error)}",)
    return tuple(_remark(table_name(*table), stays.connections) for table, stays in left.items() if stays.connections)


def _remark(name: str, connections: int) -> str:
    count = counted(connections, "translated connection")
    return f"Table {name} stays for {count}: `podnet remove` deletes it when none is left."
