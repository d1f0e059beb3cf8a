"""Tables of nftables that podnet created: noted when they are created, deleted when they are unused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netplan.errors import message_of
from netplan.kernel.tables import TakeAway
from netplan.net import counted
from netplan.netfilter.nftables.table import table_name
from netplan.operations.machine import Machine
from netplan.store.store import Store


@contextmanager
def clearing_away(machine: Machine) -> Iterator[None]:
    """Delete, at the end of a block that holds the lock, the tables that podnet created and no program uses."""
    try:
        yield
    finally:
        for remark in clear_away(machine.store, machine.take_away):
            machine.report.note(remark)


def clear_away(store: Store, take_away: TakeAway) -> tuple[str, ...]:
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
