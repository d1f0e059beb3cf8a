"""The files for the next boot, and what podnet remembers of them: whichever write fails, no rule is lost."""

from __future__ import annotations

import json
import resource
from contextlib import contextmanager

import pytest

from netplan.cli.persist import File, Pending
from netplan.errors import HalfStateError, StoreError
from netplan.persist import NOTHING
from netplan.state.store import Store
from tests.test_taken import REJECT, REMOVING, SAVED

LARGE = SAVED + "# much more\n" * 1000


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.v4"
    path.write_text(SAVED)
    return path


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "var"
    folder.mkdir()
    return Store(folder)


def write(rules, wish, store):
    Pending((File(str(rules), 4, wish),)).write(store)


def test_what_goes_comes_back_as_it_was(rules, store):
    write(rules, REMOVING, store)
    applied = rules.read_text()
    write(rules, NOTHING, store)
    assert (REJECT in applied, rules.read_text()) == (False, SAVED)


def test_what_is_back_is_told_and_is_remembered_no_more(rules, store, capsys):
    write(rules, REMOVING, store)
    write(rules, NOTHING, store)
    assert f"{REJECT} is back in it.\n" in capsys.readouterr().err
    assert store.taken.read()[str(rules)].rules == ()


@contextmanager
def full_disk():
    """Refuse a file as large as the rules are, and take one of what podnet remembers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(LARGE) // 2, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_can_not_be_replaced_is_told_and_what_was_to_go_is_not_there_twice_later(rules, store):
    rules.write_text(LARGE)
    with full_disk(), pytest.raises(HalfStateError, match=r"rules\.v4 can't be written: File too large"):
        write(rules, REMOVING, store)
    write(rules, REMOVING, store)
    write(rules, NOTHING, store)
    assert rules.read_text() == LARGE


def test_a_file_that_can_not_be_replaced_loses_nothing_of_what_was_to_come_back(rules, store):
    rules.write_text(LARGE)
    write(rules, REMOVING, store)
    with full_disk(), pytest.raises(HalfStateError):
        write(rules, NOTHING, store)
    write(rules, NOTHING, store)
    assert rules.read_text() == LARGE


def test_a_memory_of_a_newer_format_is_named_and_left_as_it_is(store):
    store.taken.path.write_text(json.dumps({"format_version": "2.0", "files": []}))
    before = store.taken.path.read_bytes()
    with pytest.raises(StoreError, match=r"saved-rules\.json can't be read.*2\.0"):
        store.taken.read()
    assert store.taken.path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": "1.0", "files": [{}]}'])
def test_a_memory_that_is_damaged_is_named_with_the_way_out(store, text):
    store.taken.path.write_text(text)
    with pytest.raises(StoreError, match=r"Compare those with what firewall\.remove names, then move the file away"):
        store.taken.read()
