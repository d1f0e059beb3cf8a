"""The guard of an apply that waits for its confirm: a process of its own.

`podnet internal guard FOLDER ID [READY LOCK]`: READY is a descriptor that it writes to as soon as it watches, LOCK
that of the lock, which it holds from then on. Without them a timer has started the guard.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from netplan.errors import ExitCode, PodnetError
from netplan.net import printable
from netplan.operations.empty_tables import clear_away, noting
from netplan.operations.settle import TURN_SECONDS, OpenKernel, settle
from netplan.store import files
from netplan.store.journal import Phase
from netplan.store.lock import GUARD, Holder, hold
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


def main(words: Sequence[str]) -> int:
    """Watch one entry of the journal, and return the exit code; errors are written to a file beside it."""
    folder, entry = Path(words[0]), words[1]
    descriptors = [int(word) for word in words[2:]]
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    store = Store(folder)
    with ExitStack() as stack:
        if descriptors:
            ready, lock = descriptors
            hold(lock, Holder(os.getpid(), GUARD, local_time()))
            os.write(ready, b"ready")
            os.close(ready)
        else:
            _lock_again(store, stack)
        try:
            guard(store, entry, noting(store))
        except PodnetError as error:
            with suppress(OSError):
                files.write(folder / LOG, f"{printable(str(error))}\n")
            return error.exit_code
        finally:
            clear_away(store)
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
