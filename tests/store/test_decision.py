"""A decision is made once, by the process that is first."""

from __future__ import annotations

import os

import pytest

from netplan.errors import StoreError
from netplan.store.decision import ConfirmDecision, DecisionFiles, DecisionRecord
from netplan.store.provenance import who

ID = "0123456789abcdef"


@pytest.fixture
def decisions(tmp_path):
    return DecisionFiles(tmp_path)


def test_the_first_decision_stands(decisions):
    claimed = [decisions.claim(ID, decision) for decision in (ConfirmDecision.CONFIRMED, ConfirmDecision.EXPIRED)]
    assert claimed == [True, False]
    assert decisions.read(ID) == DecisionRecord(ConfirmDecision.CONFIRMED, who(), os.getpid())


def test_without_a_decision_there_is_none(decisions):
    assert decisions.read(ID) is None


@pytest.mark.parametrize("earlier", [None, ConfirmDecision.CONFIRMED])
def test_the_state_before_comes_back_unless_something_else_was_decided(decisions, earlier):
    if earlier is not None:
        decisions.claim(ID, earlier)
    assert decisions.expire(ID) is (earlier or ConfirmDecision.EXPIRED)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"verdict": "maybe", "who": "root", "pid": 1}'])
def test_by_a_decision_that_can_not_be_read_no_state_is_kept(decisions, tmp_path, text):
    (tmp_path / f"verdict-{ID}.json").write_text(text)
    assert decisions.read(ID) == DecisionRecord(ConfirmDecision.EXPIRED, "", 0)


def test_where_no_file_can_be_written_the_state_before_comes_back_all_the_same(tmp_path):
    decisions = DecisionFiles(tmp_path / "missing")
    assert decisions.expire(ID) is ConfirmDecision.EXPIRED
    with pytest.raises(StoreError, match="the decision"):
        decisions.claim(ID, ConfirmDecision.CONFIRMED)


def test_decisions_of_earlier_applies_are_forgotten(decisions):
    decisions.claim(ID, ConfirmDecision.EXPIRED)
    decisions.forget()
    assert decisions.read(ID) is None
