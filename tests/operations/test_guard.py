"""The guard of an apply that must be confirmed, on a kernel in memory and a temporary folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading

import pytest
from msgspec.structs import replace

from netplan.errors import ExitCode
from netplan.operations import guard as module
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.confirm import confirm_apply, confirm_within
from netplan.operations.guard import LOG, STOPPING, Descriptors, guard, run_guard
from netplan.planning.differences import diff_node
from netplan.store.decision import ConfirmDecision
from netplan.store.store import Store
from netplan.system.process import Process, stat
from tests import make
from tests.kernels.memory import MemoryKernel

WANTED = make.desired(make.spec(firewall=make.REMOVE))
BEFORE = make.snapshot(make.docker())
AFTER = make.settled(WANTED, BEFORE)
CHANGES = tuple(diff_node(WANTED, BEFORE))
AGES = 600.0


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def kernel():
    return MemoryKernel(AFTER)


def opened(store, seconds, process=None):
    """Begin an apply that must be confirmed within so many seconds, of this process by default."""
    confirm = confirm_within(seconds, "secret", None)
    confirm = confirm if process is None else replace(confirm, process=process)
    journal = ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls), confirm)
    journal.opened(CHANGES, BEFORE)
    return journal


def watch(store, journal, kernel):
    guard(store, journal.entry.id, lambda _: kernel)


def test_without_a_confirm_in_time_the_state_before_comes_back(store, kernel):
    journal = opened(store, 0.01)
    journal.verified(AFTER)
    watch(store, journal, kernel)
    assert (make.content(kernel.state), store.journal.read()) == (make.content(BEFORE), None)
    assert store.decisions.read(journal.entry.id).decision is ConfirmDecision.EXPIRED


def test_a_state_that_is_confirmed_while_the_guard_watches_stays(store, kernel):
    journal = opened(store, AGES)
    journal.verified(AFTER)
    watching = threading.Thread(target=watch, args=(store, journal, kernel))
    watching.start()
    confirm_apply(store, "secret")
    watching.join()
    assert (kernel.state, store.generations.newest, store.journal.read()) == (AFTER, 1, None)


def test_a_confirm_that_was_claimed_by_a_process_that_died_is_carried_out(store, kernel):
    journal = opened(store, AGES)
    journal.verified(AFTER)
    store.decisions.claim(journal.entry.id, ConfirmDecision.CONFIRMED)
    watch(store, journal, kernel)
    assert (kernel.state, store.generations.newest) == (AFTER, 1)


def test_an_apply_that_died_while_it_wrote_is_undone_at_once(store, kernel):
    journal = opened(store, AGES, Process(1, 1))
    watch(store, journal, kernel)
    assert make.content(kernel.state) == make.content(BEFORE)


def test_an_apply_that_still_writes_when_its_time_is_over_is_ended_and_undone(store, kernel):
    writing = subprocess.Popen(["sleep", "60"])
    known = stat(writing.pid)
    assert known is not None
    journal = opened(store, AGES, Process(writing.pid, known.started))
    entry = journal.entry
    store.journal.write(replace(entry, confirm=replace(entry.confirm, deadline=0.0)))
    watch(store, journal, kernel)
    assert writing.wait() < 0
    assert make.content(kernel.state) == make.content(BEFORE)


def test_another_apply_is_none_of_its_concern(store, kernel):
    opened(store, AGES)
    guard(store, "0" * 16, lambda _: kernel)
    assert (kernel.writes, store.journal.read() is not None) == (0, True)


def run(store, entry, kernel, *descriptors):
    """Be the guard of an entry; give the exit code."""
    handed = Descriptors(*descriptors) if descriptors else None
    return run_guard(store, entry, handed, lambda _: kernel, lambda *_: None)


@pytest.fixture
def own_signals():
    """Answer signals as before once the test is over: a guard ignores what would stop it."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
def test_a_guard_says_that_it_is_ready_and_is_the_holder_of_the_lock(store, kernel):
    ready, sender = os.pipe()
    with store.locked("apply", 0.0) as descriptor:
        assert run(store, "0" * 16, kernel, sender, descriptor) == ExitCode.DONE
        with os.fdopen(ready, "rb") as stream:
            assert stream.read() == b"ready"
        assert holder_of(store) == (os.getpid(), "apply --confirm-within")


def holder_of(store):
    holder = json.loads((store.folder / "lock").read_text())
    return holder["pid"], holder["verb"]


@pytest.mark.usefixtures("own_signals")
def test_a_guard_that_a_timer_starts_takes_the_lock_itself(store, kernel):
    assert run(store, "0" * 16, kernel) == ExitCode.DONE
    assert holder_of(store) == (os.getpid(), "guard")


@pytest.mark.usefixtures("own_signals")
def test_a_guard_whose_timer_is_early_watches_beside_the_apply_that_holds_the_lock(store, kernel, monkeypatch):
    """The time for a confirm counts from the end of the writing, that of the timer from its beginning."""
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.0)
    journal = opened(store, AGES)
    journal.verified(AFTER)
    with store.locked("apply", 0.0):
        confirming = threading.Timer(0.2, confirm_apply, (store, "secret"))
        confirming.start()
        assert run(store, journal.entry.id, kernel) == ExitCode.DONE
        confirming.join()
    assert (store.generations.newest, store.journal.read()) == (1, None)


@pytest.mark.usefixtures("own_signals")
def test_what_stops_a_guard_is_in_a_file_beside_the_journal(store, kernel, monkeypatch):
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.0)
    store.journal.path.write_text("{")
    with store.locked("apply", 0.0):
        assert run(store, "0" * 16, kernel) == ExitCode.HALF_STATE
    assert (store.folder / LOG).read_text().startswith(f"{store.journal.path} is damaged")
