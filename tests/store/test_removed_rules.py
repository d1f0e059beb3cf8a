"""The file of what podnet took out of the rules for the next boot."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import StoreError
from netplan.kinds.chain.removed_rules import FileRemovals, RemovedRule, RemovedRules
from netplan.kinds.chain.value import ChainKey
from netplan.store.removed_rules import RemovedRulesFile

LINES = ("-A FORWARD -j DROP", '-A FORWARD -m comment --comment "caf\udce9" -j REJECT')
REMOVALS = FileRemovals(
    "/etc/rules.v4", 4, 1, (RemovedRules(ChainKey(4, "filter", "FORWARD"), LINES, (RemovedRule(1, 1),)),)
)


@pytest.mark.parametrize("empty", [False, True])
def test_what_was_taken_out_is_read_back_whatever_bytes_it_has(tmp_path, empty):
    removals = replace(REMOVALS, empty=empty)
    RemovedRulesFile(tmp_path).keep([removals])
    assert RemovedRulesFile(tmp_path).read() == {removals.path: removals}


def test_of_a_file_that_an_earlier_version_remembered_it_is_not_known_that_it_was_empty():
    data = {**REMOVALS.to_json()}
    data.pop("empty", None)
    assert FileRemovals.from_json(data) == REMOVALS


def test_where_nothing_is_out_there_is_no_file(tmp_path):
    file = RemovedRulesFile(tmp_path)
    file.keep([REMOVALS])
    file.keep([])
    assert (file.read(), list(tmp_path.iterdir())) == ({}, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"format_version": "2.0"}',
            r"another version of podnet wrote .*, in format 2\.0; this podnet reads 1\.0: .* \(mv .*/saved-rules",
        ),
        (
            '{"format_version": "1.0"}',
            r"can't be read \(.*\): .* then discard the file \(mv .*/saved-rules\.json .*\)$",
        ),
        ("\x00", r"can't be read \(.*\): .* then discard the file \(mv .*/saved-rules\.json .*\)$"),
    ],
)
def test_what_cant_be_read_is_said_with_what_to_do(tmp_path, text, said):
    file = RemovedRulesFile(tmp_path)
    file.path.write_text(text)
    with pytest.raises(StoreError, match=said):
        file.read()
