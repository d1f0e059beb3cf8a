"""The guard of an apply that waits for its confirm: a process of its own, which no signal stops."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, suppress
from typing import Final, NamedTuple

from netplan.errors import ExitCode, PodnetError
from netplan.kernel.tables import TakeAway
from netplan.net import printable
from netplan.operations.empty_tables import clear_away
from netplan.operations.settle import TURN_SECONDS, OpenKernel, settle
from netplan.store import files
from netplan.store.journal import Phase
from netplan.store.lock import GUARD, LockHolder, hold
from netplan.store.provenance import local_time
from netplan.store.store import Store
from netplan.system import clock

LOG: Final = "guard.log"
STOPPING: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_LOCK_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 0.3
"""How much longer the guard waits than the process that applies: while that lives, it does everything itself."""

_GUARD_TURN_SECONDS: Final = TURN_SECONDS + 30.0
"""How long the guard waits for another process that settles: longer than the process that applies does."""


class Descriptors(NamedTuple):
    """What the process that applies hands to its guard: that to which it writes once it watches, and the lock's."""

    ready: int
    lock: int


def run_guard(
    store: Store, entry: str, descriptors: Descriptors | None, open_kernel: OpenKernel, take_away: TakeAway
) -> int:
    """Watch one entry of the journal, and return the exit code; errors are written to a file beside it.

    Without descriptors a timer has started the guard: it takes the lock itself.
    """
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    with ExitStack() as stack:
        if descriptors is None:
            _lock_again(store, stack)
        else:
            hold(descriptors.lock, LockHolder(os.getpid(), GUARD, local_time()))
            os.write(descriptors.ready, b"ready")
            os.close(descriptors.ready)
        try:
            guard(store, entry, open_kernel)
        except PodnetError as error:
            with suppress(OSError):
                files.write(store.folder / LOG, f"{printable(str(error))}\n")
            return error.exit_code
        finally:
            clear_away(store, take_away)
    return ExitCode.DONE


def guard(store: Store, id: str, open_kernel: OpenKernel) -> None:  # noqa: A002 - the journal's word
    """Watch an entry of the journal until the decision on it is carried out; decide if no other process does.

    The state before is restored at once if the process that applies ended before it had written all, else after the
    deadline; a process that is still writing then is killed first. HalfStateError (5) as from `settle`.
    """
    seen, entry = store.journal.stamp(), store.journal.read()
    while entry is not None and entry.id == id and entry.confirm is not None:
        left = entry.confirm.deadline + _GRACE_SECONDS - clock.now()
        writing = entry.phase is Phase.WRITING
        if left <= 0 or store.decisions.read(id) is not None or (writing and not entry.confirm.process.alive):
            if writing:
                entry.confirm.process.kill()
            store.decisions.expire(id)
            settle(store, open_kernel, only=id, turn=_GUARD_TURN_SECONDS)
            return
        time.sleep(min(_POLL_SECONDS, left))
        if store.journal.stamp() != seen:
            seen, entry = store.journal.stamp(), store.journal.read()


def _lock_again(store: Store, stack: ExitStack) -> None:
    """Take the lock if it is free: the process that applies may hold it, and hang.

    It may also be waiting for its confirm still. The guard reports a journal that can't be read.
    """
    with suppress(PodnetError):
        stack.enter_context(store.locked("guard", _LOCK_SECONDS))
