"""A table of nftables is deleted in a transaction that holds only for the generation which was looked at."""

from __future__ import annotations

import pytest

from netplan.netfilter.nftables import table
from netplan.netfilter.nftables.expression import generation
from netplan.system import programs
from tests.scratch import in_scratch


def nft(text):
    done = programs.run(["nft", "-f", "-"], text)
    assert done.code == 0, done.stderr


def deleted(before, between=""):
    """Delete `ip nat` as looked at after some commands and before others; whether it did, and whether it is gone."""

    def run():
        nft(before)
        seen = generation()
        nft(between)
        return table.delete(4, "nat", seen), table.read(4, "nat") is None

    return in_scratch(run)


def test_a_table_goes_with_its_chains():
    assert deleted("add table ip nat; add chain ip nat c; add rule ip nat c accept") == (True, True)


@pytest.mark.parametrize("change", ["add chain ip nat d", "add table inet another", "add rule ip nat c accept"])
def test_a_table_stays_if_anything_changed_since_it_was_looked_at(change):
    assert deleted("add table ip nat; add chain ip nat c", change) == (False, False)


def test_a_table_that_is_not_there_needs_no_deleting():
    assert deleted("add table ip filter") == (True, True)


ODD = {
    "flags dormant": "add table ip nat { flags dormant; }",
    "comment": 'add table ip nat { comment "mine"; }',
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_a_table_with_more_than_a_name_is_not_plain(text):
    def run():
        nft(text)
        return table.read(4, "nat")

    assert in_scratch(run) == table.Table(0, plain=False)
