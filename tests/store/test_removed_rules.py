"""The file of what podnet took out of the rules for the next boot."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import StoreError
from netplan.kinds.chain.removed_rules import Taken, TakenFrom, TakenRules
from netplan.kinds.chain.value import ChainKey
from netplan.store.removed_rules import TakenFile

LINES = ("-A FORWARD -j DROP", '-A FORWARD -m comment --comment "caf\udce9" -j REJECT')
TAKEN = TakenFrom("/etc/rules.v4", 4, 1, (TakenRules(ChainKey(4, "filter", "FORWARD"), LINES, (Taken(1, 1),)),))


@pytest.mark.parametrize("empty", [False, True])
def test_what_was_taken_out_is_read_back_whatever_bytes_it_has(tmp_path, empty):
    taken = replace(TAKEN, empty=empty)
    TakenFile(tmp_path).keep([taken])
    assert TakenFile(tmp_path).read() == {taken.path: taken}


def test_of_a_file_that_an_earlier_version_remembered_it_is_not_known_that_it_was_empty():
    data = {**TAKEN.to_json()}
    data.pop("empty", None)
    assert TakenFrom.from_json(data) == TAKEN


def test_where_nothing_is_out_there_is_no_file(tmp_path):
    file = TakenFile(tmp_path)
    file.keep([TAKEN])
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
            r"can't be read \(.*\): .* then give the file up \(mv .*/saved-rules\.json .*\)$",
        ),
        ("\x00", r"can't be read \(.*\): .* then give the file up \(mv .*/saved-rules\.json .*\)$"),
    ],
)
def test_what_cant_be_read_is_said_with_what_to_do(tmp_path, text, said):
    file = TakenFile(tmp_path)
    file.path.write_text(text)
    with pytest.raises(StoreError, match=said):
        file.read()
