"""The guard of an apply that waits for its confirm: a process of its own, `python -m netplan.guard FOLDER ID [READY]`.

READY is the descriptor that it writes to as soon as it watches; without it, a timer has started the guard.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from netplan.confirm import guard, lock_again
from netplan.errors import ExitCode, PodnetError
from netplan.kernel.linux import Linux
from netplan.net import printable
from netplan.state import files
from netplan.state.store import Store

LOG = "guard.log"


def main(folder: Path, id: str, ready: int | None) -> int:  # noqa: A002 - the journal's word
    """Watch over one entry of the journal; what goes wrong is written to a file beside it."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    store = Store(folder)
    with ExitStack() as held:
        if ready is None:
            lock_again(store, held)
        else:
            os.write(ready, b"ready")
            os.close(ready)
        try:
            guard(store, id, Linux)
        except PodnetError as error:
            with suppress(OSError):
                files.write(folder / LOG, f"{printable(str(error))}\n")
            return error.exit_code
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None))
