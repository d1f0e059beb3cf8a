"""A verdict is carried out once, whether the apply, its guard or the confirmer comes first or ends too early."""

from __future__ import annotations

import json
import subprocess
from multiprocessing import get_context

import pytest
from msgspec.structs import replace

from netplan.errors import PodnetError, RefusedError
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.confirm import asked, confirm
from netplan.operations.recover import settle
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
        confirm(Store(folder), TOKEN)
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
    assert confirm(store, TOKEN).number == 1


def test_a_state_that_goes_is_not_confirmed(store):
    store.decisions.claim(journal_id(store), ConfirmDecision.EXPIRED)
    with pytest.raises(RefusedError, match=r"too late to confirm: .* if the guard does not, `podnet recover` does it"):
        confirm(store, TOKEN)
    assert store.generations.all() == ()


def test_an_apply_that_was_interrupted_is_not_called_at_work(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    undertaking = ApplyJournal(
        Store(tmp_path), make.origin(), WantedState(()), replace(asked(600, TOKEN, None), process=Process(ended.pid, 1))
    )
    undertaking.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    with pytest.raises(RefusedError, match="was interrupted; if the guard does not undo it, `podnet recover` does"):
        confirm(Store(tmp_path), TOKEN)


def test_a_state_whose_time_is_over_is_not_confirmed(store):
    data = json.loads(store.journal.path.read_text())
    store.journal.path.write_text(json.dumps({**data, "confirm": {**data["confirm"], "deadline": 1.0}}))
    with pytest.raises(RefusedError, match="too late to confirm"):
        confirm(store, TOKEN)
