"""Wait for a confirm, with the seconds that are left where there is a terminal to show them on."""

from __future__ import annotations

import math
import sys

from netplan.cli.output import say
from netplan.errors import RestoredError
from netplan.operations.confirm import awaited
from netplan.operations.empty_tables import noting
from netplan.operations.recover import settle
from netplan.store.decision import ConfirmDecision
from netplan.store.journal import Entry
from netplan.store.store import Store
from netplan.system import clock


def await_confirm(store: Store, entry: Entry, secret: str) -> None:
    """Wait until somebody confirms; RestoredError (4) if nobody does in time, or Ctrl-C says no.

    HalfStateError (5) if the state before could not be brought back wholly.
    """
    seconds, deadline = (0.0, 0.0) if entry.confirm is None else (entry.confirm.seconds, entry.confirm.deadline)
    try:
        say(f"Confirm within {seconds:g} s (until {clock.at(deadline)}), or the state before comes back:")
        say(f"  podnet confirm {secret}")
        verdict = awaited(store, entry, _count_down)
        why = f"no confirm came within {seconds:g} s"
    except KeyboardInterrupt:
        verdict = store.decisions.expire(entry.id)
        why = "interrupted instead of confirmed"
    _clear()
    settle(store, noting(store), only=entry.id)
    if verdict is ConfirmDecision.EXPIRED:
        raise RestoredError(f"{why}\nNothing is changed: the state before was restored.")
    say("Confirmed.")


def _count_down(left: float) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{math.ceil(left):>4} s left ")
        sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
