"""What a history tells of the applies that a folder remembers."""

from __future__ import annotations

import pytest

from netplan.errors import StoreError
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.confirm import confirm_within
from netplan.operations.history import read_history
from netplan.planning.differences import diff_node
from netplan.store.generations import Damaged
from netplan.store.store import Store
from netplan.system import clock
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.reports import Kept

WANTED = make.desired()
BEFORE = make.snapshot()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def begin(store, confirm=None):
    """Begin an apply, and leave it before anything was written."""
    journal = ApplyJournal(store, make.origin(), WantedState(WANTED.sysctls), confirm)
    journal.opened(tuple(diff_node(WANTED, BEFORE)), BEFORE)
    return journal


def test_a_node_on_which_nothing_was_applied_has_no_history(store):
    report = Kept()
    assert (read_history(store, report), report.notes) == (((), None), [])


def test_generations_come_in_the_order_in_which_they_were_applied(store):
    kernel = MemoryKernel(make.snapshot(make.docker()))
    for spec in (make.spec(), make.spec(firewall=make.REMOVE)):
        make.generation(store, make.desired(spec), kernel)
    generations, begun = read_history(store, Kept())
    assert ([kept.number for kept in generations], begun) == ([1, 2], None)


def test_a_damaged_generation_is_kept_in_its_place_and_noted(store):
    report = Kept()
    make.generation(store, WANTED, MemoryKernel(BEFORE))
    (path,) = store.generations.folder.iterdir()
    path.write_text("{")
    (generation,) = read_history(store, report).generations
    assert (isinstance(generation, Damaged), report.notes) == (True, [f"warning: {generation}"])


def test_an_apply_that_was_interrupted_is_what_has_begun(store):
    begin(store)
    assert str(read_history(store, Kept()).begun) == "not finished: podnet recover"


def test_an_apply_that_is_verified_waits_for_its_confirm(store):
    begin(store, confirm_within(600, "", None)).verified(make.settled(WANTED, BEFORE))
    begun = read_history(store, Kept()).begun
    assert begun is not None
    assert begun.entry.confirm is not None
    assert str(begun) == f"waits for its confirm until {clock.at(begun.entry.confirm.deadline)}"


def test_a_journal_that_cannot_be_read_is_noted_and_hides_no_generation(store):
    report = Kept()
    make.generation(store, WANTED, MemoryKernel(BEFORE))
    store.journal.path.write_text("{")
    generations, begun = read_history(store, report)
    assert ([kept.number for kept in generations], begun) == ([1], None)
    assert [note.split(" (")[0] for note in report.notes] == [f"warning: {store.journal.path} is damaged"]


def test_a_folder_that_every_user_may_write_to_is_refused(store, tmp_path):
    tmp_path.chmod(0o757)
    with pytest.raises(StoreError, match=f"chmod go-w {tmp_path}"):
        read_history(store, Kept())
