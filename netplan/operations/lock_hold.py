"""The lock on a node for the length of a verb that writes: what an earlier one left half done is settled first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import NamedTuple

from netplan.errors import ChangedError, PodnetError
from netplan.operations.attempts import LEAST_PATIENCE
from netplan.operations.empty_tables import clearing_away
from netplan.operations.machine import Machine
from netplan.operations.settle import Recovery
from netplan.operations.unfinished import Unfinished, answered, settle_or_leave


class LockHold(NamedTuple):
    """That a verb holds the lock on a machine: its descriptor, and what an earlier apply left that can't be undone.

    `patience` is for how many seconds something is tried again that other programs come in the way of; `changed` is set
    as soon as the node is changed to stay so.
    """

    machine: Machine
    descriptor: int
    unfinished: Unfinished | None
    patience: float
    changed: Event


@contextmanager
def hold_lock(machine: Machine, verb: str, timeout: float) -> Iterator[LockHold]:
    """Hold the lock for a verb; what an earlier one left half done is undone or finished first.

    StoreError, LockedError, PendingError, RefusedError (3); HalfStateError (5) if the state of the node is not known,
    or if what can't be undone is as it was at the end of the block.
    """
    store, report = machine.store, machine.report
    with store.locked(verb, timeout) as descriptor, clearing_away(store, report):
        settled = settle_or_leave(store, machine.open_kernel)
        unfinished = settled if isinstance(settled, Unfinished) else None
        if isinstance(settled, Recovery):
            report.note(str(settled))
        if unfinished is not None:
            report.note(f"warning: {unfinished}")
        hold = LockHold(machine, descriptor, unfinished, max(timeout, LEAST_PATIENCE), Event())
        with answered(store, unfinished), _unforeseen(hold.changed):
            yield hold


@contextmanager
def _unforeseen(changed: Event) -> Iterator[None]:
    """Raise ChangedError (5) in the place of what nothing in podnet foresaw, once the node is changed."""
    try:
        yield
    except PodnetError:
        raise
    except Exception as error:
        if not changed.is_set():
            raise
        raise ChangedError(error) from error
