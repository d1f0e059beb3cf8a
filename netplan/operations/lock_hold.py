"""The lock on a node for the duration of a verb that writes: what an earlier one left unfinished is settled first."""

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
    """A verb's hold on the lock of a machine: its descriptor, and what an earlier apply left that can't be undone.

    `patience` is the seconds for which something is tried again that other programs interfere with; `changed` is set
    once the node is changed for good.
    """

    machine: Machine
    descriptor: int
    unfinished: Unfinished | None
    patience: float
    changed: Event


@contextmanager
def hold_lock(machine: Machine, verb: str, timeout: float) -> Iterator[LockHold]:
    """Hold the lock for a verb; what an earlier one left unfinished is undone or finished first.

    StoreError, LockedError, PendingError, RefusedError (3); HalfStateError (5) if the state of the node is unknown, or
    if what can't be undone still remains at the end of the block.
    """
    store, report = machine.store, machine.report
    with store.locked(verb, timeout) as descriptor, clearing_away(machine):
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
    """Raise ChangedError (5) instead of an unexpected exception, once the node is changed."""
    try:
        yield
    except PodnetError:
        raise
    except Exception as error:
        if not changed.is_set():
            raise
        raise ChangedError(error) from error
