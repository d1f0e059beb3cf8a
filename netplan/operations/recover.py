"""podnet recover: finish or undo what was interrupted, restore the state from before a reboot, or abandon an apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from netplan.errors import RefusedError
from netplan.operations.empty_tables import clearing_away
from netplan.operations.machine import Machine
from netplan.operations.settle import Recovery, bring_back, settle
from netplan.operations.unfinished import Leftover, abandon_entry, leftover
from netplan.store.generations import Damaged, Generation

_VERB: Final = "recover"


class Abandoned(NamedTuple):
    """What was abandoned, and the file in which its journal is kept."""

    left: Leftover
    kept: Path


def recover(
    machine: Machine, lock_timeout: float = 0.0, tell: Callable[[Recovery], None] = lambda _: None
) -> tuple[Recovery, ...]:
    """Undo or finish what was interrupted; after a reboot, restore the state from before it. Return what was done.

    `tell` is called with each recovery as soon as it is done. StoreError, LockedError, PendingError, NotReadyError (3);
    RestoredError (4) and HalfStateError (5) as from `settle` and `bring_back`.
    """
    with machine.store.locked(_VERB, lock_timeout), clearing_away(machine):
        return tuple(_recoveries(machine, tell))


def abandon(
    machine: Machine,
    decide: Callable[[Leftover], bool],
    lock_timeout: float = 0.0,
    tell: Callable[[Recovery], None] = lambda _: None,
) -> Abandoned | tuple[Recovery, ...]:
    """Abandon what an unfinished apply has left: the node stays as it is. Without any, recover as `recover`.

    RefusedError (3) unless `decide` agrees to what is left.
    """
    with machine.store.locked(_VERB, lock_timeout), clearing_away(machine):
        left = leftover(machine.store, machine.open_kernel)
        if left is None:
            return tuple(_recoveries(machine, tell))
        if not decide(left):
            raise RefusedError("nothing was changed")
        return Abandoned(left, abandon_entry(machine.store, left))


def _recoveries(machine: Machine, tell: Callable[[Recovery], None]) -> Iterator[Recovery]:
    for step in (_settled, _brought_back):
        recovery = step(machine)
        if recovery is not None:
            tell(recovery)
            yield recovery


def _settled(machine: Machine) -> Recovery | None:
    return settle(machine.store, machine.open_kernel)


def _brought_back(machine: Machine) -> Recovery | None:
    return bring_back(machine.store, _newest(machine), machine.open_kernel)


def _newest(machine: Machine) -> Generation | None:
    """Return the newest generation that can be read, and warn of those after it that are damaged.

    RefusedError (3) if it is another version's: an older state must not come back in its place.
    """
    for generation in machine.store.generations.newest_first():
        if isinstance(generation, Generation):
            return generation
        _warn(machine, generation)
    return None


def _warn(machine: Machine, generation: Damaged) -> None:
    if generation.format is not None:
        raise RefusedError(
            f"{generation}. `podnet recover` of that version brings it back after a reboot; `podnet apply SPEC` of "
            "this one makes the node what a spec says"
        )
    machine.report.note(f"warning: {generation}")
