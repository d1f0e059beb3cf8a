"""The tables of a file in the format of iptables-save: where its lines stand, and what can't be read."""

from __future__ import annotations

import pytest

from netplan.kinds.chain.saved_tables import RuleLine, SavedRulesError, TableChains, tables_of
from netplan.kinds.chain.value import Chain
from tests import make

LINES = [
    "# a comment",
    "*filter",
    ":INPUT ACCEPT [1:2]",
    ":FORWARD DROP [0:0]",
    ":DOCKER-USER - [0:0]",
    "[3:4] -A FORWARD -j DOCKER-USER",
    "-A DOCKER-USER -j RETURN",
    "COMMIT",
    "",
]


def test_every_line_of_a_table_has_its_index():
    (table,) = tables_of(LINES, 4)
    assert (table.name, table.start, table.end) == ("filter", 1, 7)
    assert table.headers == {"INPUT": [2], "FORWARD": [3], "DOCKER-USER": [4]}
    assert table.rules["FORWARD"] == [RuleLine(5, make.FORWARD, "[3:4] -A FORWARD -j DOCKER-USER")]


def test_the_counters_of_a_rule_are_no_part_of_its_text():
    (table,) = tables_of(LINES, 4)
    (entry,) = table.rules["FORWARD"]
    assert (entry.text, str(entry.rule())) == ("-A FORWARD -j DOCKER-USER", "-j DOCKER-USER")


def test_chains_are_read_when_they_are_asked_for():
    (table,) = tables_of(LINES, 4)
    chains = TableChains(table)
    assert chains[make.FORWARD] == Chain(make.FORWARD, make.rules("-j DOCKER-USER"), "DROP")
    assert chains[make.FORWARD] is chains[make.FORWARD]
    assert ([key.name for key in chains], len(chains)) == (["INPUT", "FORWARD", "DOCKER-USER"], 3)


def test_a_chain_that_the_table_does_not_have_is_no_empty_one():
    (table,) = tables_of(LINES, 4)
    with pytest.raises(KeyError):
        TableChains(table)[make.POSTROUTING]


@pytest.mark.parametrize(("chain", "line"), [("INPUT", 4), ("DOCKER-USER", 5), ("NEW", 6)])
def test_rules_of_a_chain_without_any_would_stand_behind_those_of_the_chains_before_it(chain, line):
    (table,) = tables_of(LINES, 4)
    assert table.last_before(chain) == line


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["-A FORWARD -j DROP"], "line 1: '-A FORWARD -j DROP' stands outside of a table"),
        (["*"], "line 1: '\\*' stands outside of a table"),
        (["*nat", ":INPUT", "COMMIT"], "line 2: ':INPUT' is nothing that iptables-save writes"),
        (["*nat", "-A INPUT -j DROP\r", "COMMIT"], "is nothing that iptables-save writes"),
        (["", "*nat", "-A INPUT -j DROP"], "line 2: table nat has no COMMIT"),
    ],
)
def test_a_line_that_iptables_save_does_not_write_is_named(lines, message):
    with pytest.raises(SavedRulesError, match=message):
        tables_of(lines, 4)


def test_a_rule_that_can_not_be_read_is_named_with_its_line():
    (table,) = tables_of(["*filter", "-A FORWARD --wat", "COMMIT"], 4)
    with pytest.raises(SavedRulesError, match=r"^line 2: unknown option --wat"):
        table.rules["FORWARD"][0].rule()
