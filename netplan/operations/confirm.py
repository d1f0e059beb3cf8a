"""A state that waits for its confirm: the guard that restores the one before, and who decides between them.

The timer is not in the process that applies: that may hang, be killed, or lose its terminal. A guard is started before
the first write, in a session of its own or, where systemd runs, by a systemd timer.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from netplan.errors import PendingError, RefusedError
from netplan.operations.saved_rules import SpecSource
from netplan.operations.settle import TURN_SECONDS
from netplan.store.decision import ConfirmDecision
from netplan.store.generations import Generation
from netplan.store.journal import Confirm, JournalEntry, Phase
from netplan.store.lock import alone
from netplan.store.provenance import who
from netplan.store.store import Store
from netplan.system import clock, helpers, programs
from netplan.system.process import Process

_POLL_SECONDS: Final = 0.1
_WRITING_SECONDS: Final = 120.0
"""How long an apply that must be confirmed may take to write and to look at the outcome."""

_NOTHING: Final = "there is nothing to confirm on this node"
_SYSTEMD: Final = Path("/run/systemd/system")
_OWN_NETWORK: Final = Path("/proc/self/ns/net")
_FIRST_NETWORK: Final = Path("/proc/1/ns/net")


def token() -> str:
    """Return a new token, which the user types to confirm."""
    return secrets.token_hex(4)


def confirm_within(seconds: float, secret: str, spec: str | None) -> Confirm:
    """Return the terms on which this process's apply must be confirmed: in so many seconds, with the token `secret`.

    `spec` is the path of the spec if it wants the rules in a file too: `confirm` may have to write them there.
    """
    return Confirm(seconds, clock.now() + _WRITING_SECONDS + seconds, _digest(secret), Process.here(), spec)


def arm(store: Store, descriptor: int) -> Callable[[JournalEntry], None]:
    """Return what starts a guard for a journal's entry, which keeps the lock; RefusedError (3) if none can start."""

    def start(entry: JournalEntry) -> None:
        if not _by_systemd(store, entry):
            _detached(store, entry, descriptor)

    return start


def _guard(store: Store, entry: JournalEntry, *more: str) -> list[str]:
    return helpers.command("guard", str(store.folder), entry.id, *more)


def _by_systemd(store: Store, entry: JournalEntry) -> bool:
    """Set a systemd timer; False where that fails, or where systemd's services are in another network namespace."""
    program = programs.find("systemd-run")
    if program is None or entry.confirm is None or not _SYSTEMD.is_dir() or not _in_the_first_network():
        return False
    timer = [f"--on-active={entry.confirm.seconds:g}", "--timer-property=AccuracySec=100ms", "--collect", "--quiet"]
    unit = f"--unit=podnet-guard-{entry.id}"
    settings = [f"--setenv={name}={value}" for name, value in _environment().items() if value]
    return programs.run([program, unit, *timer, *settings, *_guard(store, entry)]).code == 0


def _environment() -> dict[str, str]:
    """Return where the guard finds programs and its own libraries."""
    return {"PATH": programs.SEARCH_PATH, "PYTHONPATH": helpers.import_path()}


def _in_the_first_network() -> bool:
    try:
        return _OWN_NETWORK.readlink() == _FIRST_NETWORK.readlink()
    except OSError:
        return False


def _detached(store: Store, entry: JournalEntry, descriptor: int) -> None:
    """Start the guard in a session of its own, and wait until it says that it is ready."""
    ready, sender = os.pipe()
    try:
        subprocess.Popen(
            _guard(store, entry, str(sender), str(descriptor)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | _environment(),
            pass_fds=(descriptor, sender),
        )
        os.close(sender)
        with os.fdopen(ready, "rb") as stream:
            answer = stream.read()
    except OSError as error:
        raise RefusedError(f"the guard can't be started: {error.strerror}; nothing was changed") from error
    if not answer:
        raise RefusedError("the guard did not start; nothing was changed")


def awaited(store: Store, entry: JournalEntry, tick: Callable[[float], None]) -> ConfirmDecision:
    """Wait for the decision until the deadline, and return it; `tick` is called with the seconds that are left.

    Without a confirm this process decides at the deadline.
    """
    if entry.confirm is None:
        raise ValueError("this apply needs no confirm")
    while (decision := store.decisions.read(entry.id)) is None:
        left = entry.confirm.deadline - clock.now()
        if left <= 0:
            return store.decisions.expire(entry.id)
        tick(left)
        time.sleep(min(_POLL_SECONDS, left))
    return decision.decision


class Confirmed(NamedTuple):
    """What was confirmed: the generation, and its spec where files of rules remain to be written.

    The process that applies writes them, if it is still alive.
    """

    generation: Generation
    unwritten: SpecSource | None


def confirm_apply(store: Store, secret: str | None) -> Confirmed:
    """Confirm the state that waits for it; PendingError or RefusedError (3) say why that can't be done.

    Without the token it must be the user who applied.
    """
    entry = store.journal.read()
    if entry is None or entry.confirm is None:
        raise RefusedError(_NOTHING)
    if entry.phase is not Phase.VERIFIED:
        if not entry.confirm.process.alive:
            raise RefusedError(f"{entry.origin} was interrupted; if the guard does not undo it, `podnet recover` does")
        raise PendingError(f"{entry.origin} is still running: confirm when it says so")
    if secret is None and entry.origin.who != who():
        raise RefusedError(
            f"{entry.origin} waits for its confirm: give the token that it printed, or run this as that user"
        )
    if secret is not None and not secrets.compare_digest(_digest(secret), entry.confirm.token_sha256):
        raise RefusedError("that is not the token that the apply printed; nothing is confirmed")
    _check_in_time(store, entry)
    with alone(store.folder, TURN_SECONDS):
        if store.waits(entry):
            store.decisions.claim(entry.id, ConfirmDecision.CONFIRMED)
        _check_in_time(store, entry)
        now = store.journal.read()
        if now is None or now.id != entry.id:
            raise RefusedError(_NOTHING)
        return Confirmed(store.finish(entry), _unwritten(entry, entry.confirm))


def _unwritten(entry: JournalEntry, confirm: Confirm) -> SpecSource | None:
    if confirm.spec is None or confirm.process.alive:
        return None
    return SpecSource(confirm.spec, entry.origin.spec_sha256, entry.origin.node)


def _check_in_time(store: Store, entry: JournalEntry) -> None:
    """Raise RefusedError (3) if an entry neither waits for its confirm nor was confirmed."""
    decision = store.decisions.read(entry.id)
    if not store.waits(entry) and (decision is None or decision.decision is ConfirmDecision.EXPIRED):
        raise RefusedError(
            "it is too late to confirm: the guard restores the previous state; if it does not, `podnet recover` does"
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.strip().encode()).hexdigest()
