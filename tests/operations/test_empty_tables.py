"""A table that podnet noted goes if no program uses it; whatever is in it keeps it, and then it stays noted."""

from __future__ import annotations

import pytest

from netplan.kernel.tables import Stays, take_away
from netplan.kinds.chain.unused import built_in
from netplan.netfilter.nftables.table import table_name
from netplan.operations import empty_tables
from netplan.store.store import Store
from netplan.system import programs
from tests.machines import machine
from tests.scratch import in_scratch

EMPTY = """*nat
:POSTROUTING ACCEPT [0:0]
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
COMMIT
"""
NOTED = ("ip nat", "ip filter", "ip6 nat")


def run(*words, text=""):
    done = programs.run(words, text)
    assert done.code == 0, done.stderr
    return done.stdout


def cleared(folder, change="", *, noted=NOTED):
    """Clear away what is noted; return the tables that are there then, those that are noted, and what was said."""

    def inside():
        store = Store(folder)
        for name in noted:
            store.tables.note(name)
        run("iptables-nft-restore", text=EMPTY)
        run("nft", "-f", "-", text=change)
        said = empty_tables.clear_away(store, take_away)
        there = [line.removeprefix("table ") for line in run("nft", "list", "tables").splitlines()]
        return there, [table_name(*table) for table in store.tables.read()], said

    return in_scratch(inside)


def test_empty_tables_that_were_noted_go_and_are_forgotten(tmp_path):
    assert cleared(tmp_path) == ([], [], ())


def test_a_table_that_was_not_noted_stays(tmp_path):
    assert cleared(tmp_path, noted=["ip nat"]) == (["ip filter"], [], ())


USED = {
    "a rule": "add rule ip filter FORWARD accept",
    "a chain": "add chain ip filter another",
    "a base chain": "add chain ip filter another { type filter hook input priority 5; }",
    "a base chain at another place": "add chain ip filter OUTPUT { type filter hook output priority 5; }",
    "a policy": "add chain ip filter FORWARD { policy drop; }",
    "a set": "add set ip filter s { type ipv4_addr; }",
    "a counter": "add counter ip filter c",
    "a flag": "add table ip filter { flags dormant; }",
}


@pytest.mark.parametrize("change", USED.values(), ids=USED)
def test_a_table_that_is_used_stays_and_stays_noted(tmp_path, change):
    assert cleared(tmp_path, change) == (["ip filter"], ["ip filter"], ())


def test_a_table_that_is_gone_is_forgotten(tmp_path):
    assert cleared(tmp_path, "flush ruleset") == ([], [], ())


def test_a_rule_that_comes_while_a_table_is_looked_at_keeps_it(tmp_path, monkeypatch):
    def looked(version, name):
        chains = built_in(version, name)
        run("iptables-nft", "-t", name, "-A", "INPUT", "-j", "ACCEPT")
        return chains

    monkeypatch.setattr("netplan.kernel.tables.built_in", looked)
    assert cleared(tmp_path) == (["ip nat", "ip filter"], ["ip nat", "ip filter"], ())


def test_tables_stay_while_nftables_changes_all_the_time(tmp_path, monkeypatch):
    def looked(version, name):
        chains = built_in(version, name)
        run("nft", "add", "table", "inet", "another")
        run("nft", "delete", "table", "inet", "another")
        return chains

    monkeypatch.setattr("netplan.kernel.tables.built_in", looked)
    assert cleared(tmp_path) == (["ip nat", "ip filter"], ["ip nat", "ip filter"], ())


def test_a_file_that_cannot_be_read_is_a_warning(tmp_path):
    (tmp_path / "tables.json").write_text("{")
    said = empty_tables.clear_away(Store(tmp_path), take_away)
    assert [text.partition(" (")[0] for text in said] == [f"warning: {tmp_path}/tables.json can't be read"]


def noted(folder, names=NOTED):
    store = Store(folder)
    for name in names:
        store.tables.note(name)
    return store


def test_what_stays_is_noted_still_and_said_where_connections_are_why(tmp_path):
    store = noted(tmp_path)
    kernel = {(4, "nat"): Stays(2), (4, "filter"): Stays(), (6, "nat"): None}
    said = empty_tables.clear_away(store, lambda *table: kernel[table])
    assert [text.partition(":")[0] for text in said] == ["Table ip nat stays for 2 translated connections"]
    assert [*store.tables.read()] == [(4, "nat"), (4, "filter")]


def test_at_the_end_of_a_verb_it_is_said_why_nothing_could_be_taken_away(tmp_path):
    (tmp_path / "tables.json").write_text("{")
    here, _, report = machine(tmp_path)
    with empty_tables.clearing_away(here):
        assert report.notes == []
    assert [note.partition(" (")[0] for note in report.notes] == [f"warning: {tmp_path}/tables.json can't be read"]
