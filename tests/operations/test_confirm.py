"""A verdict is carried out once, whether the apply, its guard or the confirmer comes first or ends too early."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest
from msgspec.structs import replace

from netplan.errors import LockedError, PendingError, PodnetError, RefusedError
from netplan.operations import confirm
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.confirm import arm, awaited, confirm_apply, confirm_within
from netplan.operations.saved_rules import SpecSource
from netplan.operations.settle import settle
from netplan.planning.differences import diff_node
from netplan.store.decision import ConfirmDecision, DecisionFiles
from netplan.store.store import Store
from netplan.system import programs
from netplan.system.process import Process
from tests import make
from tests.kernels.memory import MemoryKernel

WANTED = make.desired(make.spec(firewall=make.REMOVE))
BEFORE = make.snapshot(make.docker())
AFTER = make.settled(WANTED, BEFORE)
TOKEN = "c0ffee00"
UNSTARTED = "the guard can't be started: No such file or directory"
RUNS_ON = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture
def store(tmp_path):
    """What is remembered of an apply that waits for its confirm."""
    kept = Store(tmp_path)
    wait_for_a_confirm(kept)
    return kept


def wait_for_a_confirm(store):
    journal = ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls), confirm_within(600, TOKEN, None))
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    journal.verified(AFTER)


def journal_id(store):
    """Return the number of the apply that waits."""
    entry = store.journal.read()
    assert entry is not None
    return entry.id


def settled(folder):
    """Settle as an apply or its guard does; give what went wrong."""
    try:
        settle(Store(folder), lambda _: MemoryKernel(AFTER))
    except PodnetError as error:
        return str(error)
    return ""


def confirmed(folder):
    """Confirm; give what went wrong."""
    try:
        confirm_apply(Store(folder), TOKEN)
    except PodnetError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("other", [settled, confirmed])
def test_two_that_carry_a_confirm_out_at_once_keep_one_generation(tmp_path, other):
    store = Store(tmp_path)
    with get_context("fork").Pool(2) as pool:
        for number in range(1, 16):
            wait_for_a_confirm(store)
            store.decisions.claim(journal_id(store), ConfirmDecision.CONFIRMED)
            outcomes = [pool.apply_async(run, [tmp_path]) for run in (settled, other)]
            wrong = {outcome.get() for outcome in outcomes} - {"", "there is nothing to confirm on this node"}
            assert (wrong, len(store.generations.all())) == (set(), number)


def test_a_confirm_goes_on_where_an_earlier_one_ended_too_early(store):
    store.decisions.claim(journal_id(store), ConfirmDecision.CONFIRMED)
    assert confirm_apply(store, TOKEN).generation.number == 1


def test_a_state_that_goes_is_not_confirmed(store):
    store.decisions.claim(journal_id(store), ConfirmDecision.EXPIRED)
    with pytest.raises(RefusedError, match=r"too late to confirm: .* if it does not, `podnet recover` does"):
        confirm_apply(store, TOKEN)
    assert store.generations.all() == ()


def test_an_apply_that_was_interrupted_is_not_called_at_work(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    journal = ApplyJournal(
        Store(tmp_path),
        make.origin(),
        WantedState(()),
        replace(confirm_within(600, TOKEN, None), process=Process(ended.pid, 1)),
    )
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    with pytest.raises(RefusedError, match="was interrupted; if the guard does not undo it, `podnet recover` does"):
        confirm_apply(Store(tmp_path), TOKEN)


def test_a_state_whose_time_is_over_is_not_confirmed(store):
    data = json.loads(store.journal.path.read_text())
    store.journal.path.write_text(json.dumps({**data, "confirm": {**data["confirm"], "deadline": 1.0}}))
    with pytest.raises(RefusedError, match="too late to confirm"):
        confirm_apply(store, TOKEN)


def test_what_is_confirmed_becomes_a_generation_and_no_file_is_left_to_be_written(store):
    confirmed = confirm_apply(store, TOKEN)
    assert (confirmed.generation.number, confirmed.unwritten, store.journal.read()) == (1, None, None)


def test_the_token_of_another_apply_confirms_nothing(store):
    with pytest.raises(RefusedError, match="that is not the token that the apply printed; nothing is confirmed"):
        confirm_apply(store, "0ddba115")
    assert store.generations.all() == ()


def test_without_a_token_it_must_be_the_user_who_applied(store, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "12345")
    monkeypatch.setenv("SUDO_USER", "eve")
    with pytest.raises(RefusedError, match="give the token that it printed, or run this as that user"):
        confirm_apply(store, None)


def test_the_files_of_an_apply_whose_process_has_ended_are_left_to_the_confirm(tmp_path):
    ended = replace(confirm_within(600, TOKEN, "/specs/c.yaml"), process=Process(1, 1))
    journal = ApplyJournal(Store(tmp_path), make.origin(), WantedState(WANTED.sysctls), ended)
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    journal.verified(AFTER)
    assert confirm_apply(Store(tmp_path), TOKEN).unwritten == SpecSource("/specs/c.yaml", "0" * 64, "a")


def test_an_apply_that_still_writes_is_not_confirmed_yet(tmp_path):
    begun(Store(tmp_path), seconds=600)
    with pytest.raises(PendingError, match="is still running: confirm when it says so"):
        confirm_apply(Store(tmp_path), TOKEN)


@pytest.mark.parametrize("within", [None, 600])
def test_where_no_apply_waits_there_is_nothing_to_confirm(tmp_path, within):
    if within is None:
        opened = ApplyJournal(Store(tmp_path), make.origin(), WantedState(()))
        opened.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    with pytest.raises(RefusedError, match="there is nothing to confirm on this node"):
        confirm_apply(Store(tmp_path), TOKEN)


def test_a_confirm_that_is_overtaken_by_one_that_carried_it_out_has_nothing_to_confirm(store):
    other, entry = Store(store.folder), store.journal.read()

    class Overtaken(DecisionFiles):
        """The decisions of a folder in which another confirm is carried out between a look and the claim."""

        def claim(self, id, decision):  # noqa: A002 - the journal's word
            other.decisions.claim(entry.id, ConfirmDecision.CONFIRMED)
            other.finish(entry)
            return super().claim(id, decision)

    store.decisions = Overtaken(store.folder)
    with pytest.raises(RefusedError, match="there is nothing to confirm"):
        confirm_apply(store, TOKEN)


def test_only_an_apply_that_must_be_confirmed_is_waited_for(tmp_path):
    opened = ApplyJournal(Store(tmp_path), make.origin(), WantedState(()))
    opened.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    with pytest.raises(ValueError, match="this apply needs no confirm"):
        awaited(Store(tmp_path), opened.entry, lambda _: None)


def begun(store, seconds, guard=lambda _: None):
    """Open the journal of an apply that must be confirmed; `guard` is started with its entry."""
    journal = ApplyJournal(
        store, make.origin(), WantedState(WANTED.sysctls), confirm_within(seconds, TOKEN, None), guard
    )
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    return journal.entry


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Make a machine without systemd, and return its store."""
    monkeypatch.setattr(confirm, "_SYSTEMD", tmp_path / "no-systemd")
    return Store(tmp_path)


@RUNS_ON
def test_a_guard_of_its_own_holds_the_lock_until_the_apply_is_decided(alone):
    with alone.locked("apply", 0.0) as descriptor:
        begun(alone, 600, arm(alone, descriptor))
    with pytest.raises(LockedError, match=r"^podnet apply --confirm-within \(pid"), alone.locked("plan", 0.0):
        pass
    alone.close()
    with alone.locked("plan", 10.0):
        assert alone.journal.read() is None


@RUNS_ON
def test_where_a_guard_ends_before_it_watches_nothing_is_begun(alone):
    with (
        Path(os.devnull).open() as unwritable,
        pytest.raises(RefusedError, match=r"^the guard did not start; nothing was"),
    ):
        begun(alone, 600, arm(alone, unwritable.fileno()))
    assert alone.journal.read() is None


def test_where_no_guard_can_be_started_nothing_is_begun(alone, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with alone.locked("apply", 0.0) as descriptor, pytest.raises(RefusedError, match=f"{UNSTARTED}; nothing was"):
        begun(alone, 600, arm(alone, descriptor))
    assert alone.journal.read() is None


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """Make a machine on which systemd seems to run, with a systemd-run that keeps its arguments in a file."""
    (tmp_path / "systemd-run").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/timer\n')
    (tmp_path / "systemd-run").chmod(0o755)
    monkeypatch.setattr(programs, "SEARCH_PATH", f"{tmp_path}:{programs.SEARCH_PATH}")
    monkeypatch.setattr(confirm, "_SYSTEMD", tmp_path)
    monkeypatch.setattr(confirm, "_FIRST_NETWORK", Path("/proc/self/ns/net"))
    return tmp_path


def test_where_systemd_runs_a_timer_of_its_starts_the_guard(systemd):
    store = Store(systemd)
    entry = begun(store, 90, arm(store, -1))
    words = (systemd / "timer").read_text().splitlines()
    assert words[:2] == [f"--unit=podnet-guard-{entry.id}", "--on-active=90"]
    assert words[-4:] == ["internal", "guard", str(store.folder), entry.id]


def test_a_systemd_of_another_network_namespace_starts_no_guard(systemd, monkeypatch):
    monkeypatch.setattr(confirm, "_FIRST_NETWORK", systemd / "ns")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    store = Store(systemd)
    with store.locked("apply", 0.0) as descriptor, pytest.raises(RefusedError, match=UNSTARTED):
        begun(store, 90, arm(store, descriptor))
    assert not (systemd / "timer").exists()
