from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from netplan.errors import ExitCode, HalfStateError
from netplan.store.journal import FORMAT_VERSION, Confirm, JournalEntry, JournalFile, JournalStart, Phase, rendered
from netplan.system.process import Process
from tests import make

STATE = make.snapshot(make.docker())
CHANGES = make.plan(STATE, make.spec(firewall=make.REMOVE)).changes
CONFIRM = Confirm(60.0, 17.5, "5ha", Process(4711, 12), "/etc/podnet/hdss7.yaml")
WRITING = JournalEntry("c0ffee00c0ffee00", make.origin(), Phase.WRITING, JournalStart(CHANGES, STATE))
VERIFIED = JournalEntry(
    "c0ffee00c0ffee00", make.origin(), Phase.VERIFIED, JournalStart(CHANGES, STATE), make.snapshot(), CONFIRM
)


@pytest.fixture
def journal(tmp_path):
    return JournalFile(tmp_path)


@pytest.mark.parametrize("entry", [WRITING, VERIFIED], ids=["writing", "verified"])
def test_an_entry_is_read_back(journal, entry):
    journal.write(entry)
    read = journal.read()
    assert (read.render(), read.changes) == (entry.render(), entry.changes)


@pytest.mark.parametrize("traffic", [None, {"lists": [], "classes": []}], ids=["unknown", "none"])
def test_what_traffic_is_wanted_is_read_back_or_that_it_is_unknown(journal, traffic):
    journal.write(replace(WRITING, start=JournalStart(CHANGES, STATE, traffic=traffic)))
    assert journal.read().traffic == traffic


def test_without_a_journal_there_is_no_entry(journal):
    assert journal.read() is None


def test_a_closed_journal_is_gone(journal):
    journal.write(WRITING)
    journal.remove()
    assert journal.read() is None


DAMAGED = {
    "truncated": WRITING.render()[:-100],
    "empty": "",
    "no object": "[]",
    "a key is missing": json.dumps(
        {key: value for key, value in json.loads(WRITING.render()).items() if key != "before"}
    ),
    "verified without a state": json.dumps({**json.loads(WRITING.render()), "phase": "verified"}),
    "a change of nothing": json.dumps(
        {**json.loads(WRITING.render()), "changes": [{"kind": "route", "before": None, "after": None, "reason": None}]}
    ),
    "no text": "\udcff",
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_journal_is_a_state_that_is_not_known(journal, text):
    journal.path.write_text(text, errors="surrogateescape")
    with pytest.raises(
        HalfStateError, match=rf"^{journal.path} is damaged .*`podnet recover --abandon` leaves it"
    ) as caught:
        journal.read()
    assert caught.value.exit_code is ExitCode.HALF_STATE


@pytest.mark.parametrize("version", ["1.0", "3.0"])
def test_a_journal_of_another_format_is_for_that_podnet_to_recover(journal, version):
    journal.path.write_text(json.dumps({**json.loads(WRITING.render()), "format_version": version}))
    with pytest.raises(
        HalfStateError,
        match=rf"wrote {journal.path}, in format {version}; this podnet reads 2\.\d: run `podnet recover` of that",
    ):
        journal.read()


def test_a_journal_with_what_is_new_in_a_later_format_is_not_called_damaged(journal):
    change = {**json.loads(WRITING.render())["changes"][0], "kind": "new"}
    journal.path.write_text(json.dumps({**json.loads(WRITING.render()), "format_version": "2.99", "changes": [change]}))
    with pytest.raises(HalfStateError, match=r"in format 2\.99; this podnet reads 2\.\d: run `podnet recover` of that"):
        journal.read()


def test_a_journal_of_a_later_format_in_which_all_can_be_read_is_read(journal):
    journal.path.write_text(json.dumps({**json.loads(WRITING.render()), "format_version": "2.99", "new": 1}))
    assert journal.read().changes == CHANGES


@pytest.mark.parametrize("number", ["", "../../etc/passwd", "C0FFEE00C0FFEE00", "c0ffee"])
def test_an_entry_of_an_id_that_is_none_of_ours_is_damaged(tmp_path, number):
    (tmp_path / "journal.json").write_text(json.dumps({**json.loads(WRITING.render()), "id": number}))
    with pytest.raises(HalfStateError, match="is damaged"):
        JournalFile(tmp_path).read()


def test_an_apply_that_is_done_waits_for_its_confirm():
    assert VERIFIED.pending


def test_an_apply_that_writes_does_not_wait_yet():
    assert not replace(VERIFIED, phase=Phase.WRITING).pending


def test_an_apply_of_which_no_confirm_is_asked_does_not_wait():
    assert not replace(VERIFIED, confirm=None).pending


def test_another_journal_has_another_stamp(tmp_path):
    journal = JournalFile(tmp_path)
    journal.write(WRITING)
    first = journal.stamp()
    journal.write(VERIFIED)
    assert journal.stamp() != first


def test_no_journal_has_no_stamp(tmp_path):
    assert JournalFile(tmp_path).stamp() is None


def test_bytes_that_are_no_utf_8_are_read_back():
    path = b"specs/\xff.yaml".decode(errors="surrogateescape")
    text = rendered({"spec": path}, '"changes": []')
    assert json.loads(text) == {"format_version": FORMAT_VERSION, "spec": path, "changes": []}
    assert text.isascii()
