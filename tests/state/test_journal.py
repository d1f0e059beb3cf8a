from __future__ import annotations

import json

import pytest

from netplan.errors import ExitCode, HalfStateError
from netplan.state.journal import Confirm, Entry, JournalFile, Phase
from tests import make

STATE = make.snapshot(make.docker())
CHANGES = make.plan(STATE, make.spec(firewall=make.REMOVE)).changes
WRITING = Entry("c0ffee", make.origin(), Phase.WRITING, CHANGES, STATE)
VERIFIED = Entry("c0ffee", make.origin(), Phase.VERIFIED, CHANGES, STATE, make.snapshot(), Confirm(17.5, "5ha"))


@pytest.fixture
def journal(tmp_path):
    return JournalFile(tmp_path)


@pytest.mark.parametrize("entry", [WRITING, VERIFIED], ids=["writing", "verified"])
def test_an_entry_is_read_back(journal, entry):
    journal.write(entry)
    read = journal.read()
    assert (read.to_json(), read.changes) == (entry.to_json(), entry.changes)


def test_without_a_journal_there_is_no_entry(journal):
    assert journal.read() is None


def test_a_closed_journal_is_gone(journal):
    journal.write(WRITING)
    journal.remove()
    assert journal.read() is None


DAMAGED = {
    "truncated": json.dumps(WRITING.to_json())[:-100],
    "empty": "",
    "no object": "[]",
    "a key is missing": json.dumps({key: value for key, value in WRITING.to_json().items() if key != "before"}),
    "verified without a state": json.dumps({**WRITING.to_json(), "phase": "verified"}),
    "a later format": json.dumps({**WRITING.to_json(), "format_version": "2.0"}),
    "no text": "\udcff",
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_journal_is_a_state_that_is_not_known(journal, text):
    journal.path.write_text(text, errors="surrogateescape")
    with pytest.raises(
        HalfStateError, match=rf"^{journal.path} is damaged .*`podnet plan --live`, then move"
    ) as caught:
        journal.read()
    assert caught.value.exit_code is ExitCode.HALF_STATE
