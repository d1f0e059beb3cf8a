"""A verdict is carried out once, whether the apply, its guard or the confirmer comes first or ends too early."""

from __future__ import annotations

import json
import subprocess
from multiprocessing import get_context

import pytest
from msgspec.structs import replace

from netplan.errors import PodnetError, RefusedError
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.confirm import asked, confirm_apply
from netplan.operations.saved_rules import SpecSource
from netplan.operations.settle import settle
from netplan.planning.differences import diff_node
from netplan.store.decision import ConfirmDecision
from netplan.store.store import Store
from netplan.system.process import Process
from tests import make
from tests.kernels.memory import MemoryKernel

WANTED = make.desired(make.spec(firewall=make.REMOVE))
BEFORE = make.snapshot(make.docker())
AFTER = make.settled(WANTED, BEFORE)
TOKEN = "c0ffee00"


@pytest.fixture
def store(tmp_path):
    """What is remembered of an apply that waits for its confirm."""
    kept = Store(tmp_path)
    wait_for_a_confirm(kept)
    return kept


def wait_for_a_confirm(store):
    undertaking = ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls), asked(600, TOKEN, None))
    undertaking.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    undertaking.verified(AFTER)


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
    with pytest.raises(RefusedError, match=r"too late to confirm: .* if the guard does not, `podnet recover` does it"):
        confirm_apply(store, TOKEN)
    assert store.generations.all() == ()


def test_an_apply_that_was_interrupted_is_not_called_at_work(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    undertaking = ApplyJournal(
        Store(tmp_path), make.origin(), WantedState(()), replace(asked(600, TOKEN, None), process=Process(ended.pid, 1))
    )
    undertaking.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
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
    with pytest.raises(RefusedError, match="give the token that it printed, or be that user"):
        confirm_apply(store, None)


def test_the_files_of_an_apply_whose_process_has_ended_are_left_to_the_confirm(tmp_path):
    ended = replace(asked(600, TOKEN, "/specs/c.yaml"), process=Process(1, 1))
    journal = ApplyJournal(Store(tmp_path), make.origin(), WantedState(WANTED.sysctls), ended)
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    journal.verified(AFTER)
    assert confirm_apply(Store(tmp_path), TOKEN).unwritten == SpecSource("/specs/c.yaml", "0" * 64, "a")
