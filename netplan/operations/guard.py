"""The guard of an apply that waits for its confirm: a process of its own.

`podnet internal guard FOLDER ID [READY LOCK]`: READY is a descriptor that it writes to as soon as it watches, LOCK
that of the lock, which it holds from then on. Without them a timer has started the guard.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from netplan.errors import ExitCode, PodnetError
from netplan.net import printable
from netplan.operations.confirm import guard, lock_again
from netplan.operations.empty_tables import clear_away, noting
from netplan.store import files
from netplan.store.lock import GUARD, Holder, hold
from netplan.store.provenance import local_time
from netplan.store.store import Store

LOG: Final = "guard.log"
STOPPING: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def main(words: Sequence[str]) -> int:
    """Watch over one entry of the journal; what goes wrong is written to a file beside it."""
    folder, entry = Path(words[0]), words[1]
    descriptors = [int(word) for word in words[2:]]
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    store = Store(folder)
    with ExitStack() as held:
        if descriptors:
            ready, lock = descriptors
            hold(lock, Holder(os.getpid(), GUARD, local_time()))
            os.write(ready, b"ready")
            os.close(ready)
        else:
            lock_again(store, held)
        try:
            guard(store, entry, noting(store))
        except PodnetError as error:
            with suppress(OSError):
                files.write(folder / LOG, f"{printable(str(error))}\n")
            return error.exit_code
        finally:
            clear_away(store)
    return ExitCode.DONE
