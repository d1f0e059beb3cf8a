"""podnet recover as a use case, on a kernel in memory and a temporary folder."""

from __future__ import annotations

import pytest

from netplan.errors import PendingError, RefusedError
from netplan.kinds.batches import batches
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.confirm import confirm_within
from netplan.operations.recover import Abandoned, abandon, recover
from netplan.operations.settle import Cause, Recovery
from netplan.planning.differences import diff_node
from tests import make
from tests.machines import Answer, machine

WANTED = make.desired(make.spec(firewall=make.REMOVE))
BEFORE = make.snapshot(make.docker())
CHANGES = tuple(diff_node(WANTED, BEFORE))
EARLIER = "00000000-0000-4000-8000-000000000000"


def killed(folder, batches_written=2):
    """Return a machine whose apply was killed after so many batches, with its kernel and report."""
    here, kernel, report = machine(folder, BEFORE)
    ApplyJournal(here.store, make.origin(), WantedState(WANTED.sysctls)).opened(CHANGES, BEFORE)
    for batch in batches(CHANGES, BEFORE)[:batches_written]:
        kernel.write(batch)
    return here, kernel, report


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_an_apply_that_was_killed_is_undone(tmp_path, written):
    here, kernel, _ = killed(tmp_path, written)
    heard: list[Recovery] = []
    (recovery,) = recover(here, tell=heard.append)
    assert (recovery.cause, heard) == (Cause.INTERRUPTED, [recovery])
    assert (make.content(kernel.state), here.store.journal.read()) == (make.content(BEFORE), None)


def test_where_nothing_was_interrupted_nothing_is_done(tmp_path):
    here, kernel, _ = machine(tmp_path)
    assert (recover(here), kernel.writes) == ((), 0)


def test_an_apply_that_was_killed_once_all_was_seen_is_kept(tmp_path):
    here, kernel, _ = machine(tmp_path, make.settled(WANTED, BEFORE))
    journal = ApplyJournal(here.store, make.origin(), WantedState(WANTED.sysctls))
    journal.opened(CHANGES, BEFORE)
    journal.verified(kernel.state)
    (recovery,) = recover(here)
    assert (recovery.cause, recovery.generation, kernel.writes) == (Cause.VERIFIED, 1, 0)


def test_after_a_reboot_the_newest_generation_comes_back(tmp_path):
    here, kernel, _ = machine(tmp_path, BEFORE)
    make.generation(here.store, WANTED, kernel, EARLIER)
    kernel.state = BEFORE
    (recovery,) = recover(here)
    assert (recovery.cause, recovery.whole) == (Cause.REBOOT, True)
    assert not [*diff_node(WANTED, kernel.state)]


def test_a_damaged_generation_is_warned_of_and_the_one_before_comes_back(tmp_path):
    here, kernel, report = machine(tmp_path, BEFORE)
    make.generation(here.store, WANTED, kernel, EARLIER)
    kernel.state = BEFORE
    (here.store.generations.folder / "000002.json").write_text("?")
    recover(here)
    assert report.notes[0].startswith("warning: generation 2 can't be read and is left out")
    assert not [*diff_node(WANTED, kernel.state)]


def test_a_generation_of_another_version_is_not_passed_over(tmp_path):
    here, kernel, _ = machine(tmp_path, BEFORE)
    make.generation(here.store, WANTED, kernel, EARLIER)
    kernel.state = BEFORE
    (here.store.generations.folder / "000002.json").write_text('{"format_version": "99.0"}')
    with pytest.raises(RefusedError, match="`podnet recover` of that version brings it back after a reboot"):
        recover(here)
    assert make.content(kernel.state) == make.content(BEFORE)


def test_an_apply_that_waits_for_its_confirm_is_left_to_that(tmp_path):
    here, kernel, _ = machine(tmp_path, make.settled(WANTED, BEFORE))
    journal = ApplyJournal(here.store, make.origin(), WantedState(WANTED.sysctls), confirm_within(600, "secret", None))
    journal.opened(CHANGES, BEFORE)
    journal.verified(kernel.state)
    with pytest.raises(PendingError, match="waits for its confirm"):
        recover(here)
    assert kernel.writes == 0


def test_an_apply_is_given_up_once_what_it_leaves_was_agreed_to(tmp_path):
    here, kernel, _ = killed(tmp_path)
    state, answer = kernel.state, Answer()
    outcome = abandon(here, answer)
    assert isinstance(outcome, Abandoned)
    assert ([outcome.left], outcome.kept.exists(), here.store.journal.read()) == (answer.asked, True, None)
    assert kernel.state == state


def test_without_a_yes_nothing_is_given_up(tmp_path):
    here, kernel, _ = killed(tmp_path)
    state = kernel.state
    with pytest.raises(RefusedError, match=r"^nothing was changed$"):
        abandon(here, lambda _: False)
    assert (here.store.journal.read() is not None, kernel.state) == (True, state)


def test_where_there_is_nothing_to_give_up_it_recovers(tmp_path):
    here, kernel, _ = machine(tmp_path, BEFORE)
    make.generation(here.store, WANTED, kernel, EARLIER)
    kernel.state = BEFORE
    outcome = abandon(here, lambda _: False)
    assert not isinstance(outcome, Abandoned)
    assert [recovery.cause for recovery in outcome] == [Cause.REBOOT]
