"""The rule language against what iptables 1.8.9 printed: recorded tables, and dumps of real programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.netfilter.iptables.extension import Option
from netplan.netfilter.iptables.match import Match, Target
from netplan.netfilter.iptables.operands import AddressMask, Condition
from netplan.netfilter.iptables.quoting import always_quote, quote
from netplan.netfilter.iptables.rule import Rule, kernel_rule, parse_rule_line
from tests.netfilter.iptables.every_kind import is_several
from tests.netfilter.iptables.test_quoting import ANY_TEXT, printable

DATA = Path(__file__).parents[2] / "data"
KERNEL_KNOWS = ("-A NOSUCHCHAIN -j ACCEPT",)


def rows(refused):
    for name, version in (("rule_normalisation.tsv", 4), ("rule_normalisation6.tsv", 6)):
        for line in (DATA / name).read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                written, table, saved, *_ = line.split("\t")
                if saved.startswith("ERROR") == refused and written not in KERNEL_KNOWS and not is_several(saved):
                    yield pytest.param(written, table, saved, version, id=f"{version}:{written[:70]}")


def dumps():
    for path in sorted(DATA.glob("captures/*.rules")):
        if path.name != "iptables-version-matrix-input.rules":
            lines = path.read_text(encoding="utf-8").splitlines()
            if rules := [line for line in lines if line.startswith("-A ")]:
                yield pytest.param(rules, id=path.stem)


def printed(line):
    chain, rule = parse_rule_line(line)
    return f"-A {chain} {rule}"


@pytest.mark.parametrize(("written", "table", "saved", "version"), [*rows(refused=False)])
def test_a_written_rule_is_printed_as_iptables_save_prints_it(written, table, saved, version):
    chain, rule = parse_rule_line(written, version=version, table=table)
    assert f"-A {chain} {rule}" == saved


@pytest.mark.parametrize(("written", "table", "saved", "version"), [*rows(refused=False)])
def test_a_saved_rule_is_equal_to_the_written_one(written, table, saved, version):
    assert parse_rule_line(saved, version=version) == parse_rule_line(written, version=version)


@pytest.mark.parametrize(("written", "table", "saved", "version"), [*rows(refused=True)])
def test_what_iptables_refuses_is_refused(written, table, saved, version):
    with pytest.raises(ValueError, match=r"."):
        parse_rule_line(written, version=version, table=table)


@pytest.mark.parametrize("lines", [*dumps()])
def test_dumped_rules_are_printed_byte_for_byte(lines):
    assert [printed(line) for line in lines] == lines


@pytest.mark.parametrize(
    ("line", "table", "message"),
    [
        ("-A POSTROUTING -j DROP", "nat", "-j DROP is not possible in table nat"),
        ("-A INPUT -j MASQUERADE", "filter", "-j MASQUERADE is not possible in table filter: only in nat"),
        ("-A PREROUTING -j MASQUERADE", "nat", "-j MASQUERADE is not possible in PREROUTING: only in POSTROUTING"),
        ("-A PREROUTING -o eth0", "raw", "-o is not possible in PREROUTING"),
        ("-A POSTROUTING -i eth0", "nat", "-i is not possible in POSTROUTING"),
        ("-A A-CHAIN-NAME-OF-29-CHARACTERS- -j DROP", None, "1 to 28 bytes"),
        ("-A -j ACCEPT", None, "starts with '-'"),
        ("-N CHAIN", None, "starts with -A CHAIN"),
        ("", None, "starts with -A CHAIN"),
    ],
)
def test_a_rule_in_the_wrong_place_is_refused(line, table, message):
    with pytest.raises(ValueError, match=message):
        parse_rule_line(line, table=table)


def test_what_the_kernel_holds_is_read_wherever_it_stands():
    assert parse_rule_line("-A POSTROUTING -i eth0 -j DROP") == ("POSTROUTING", Rule.parse("-i eth0 -j DROP"))


def test_quotes_leave_no_trace_in_the_values():
    rule = Rule.parse('-i "eth0" -m comment --comment "x" -j "CHAIN"')
    assert rule.target is not None
    values = [rule.in_interface and rule.in_interface.value, rule.matches[0].options[0].text, rule.target.name]
    assert [type(value) for value in values] == [str, str, str]


def test_a_target_for_some_built_in_chains_may_stand_in_any_user_chain():
    assert parse_rule_line("-A MINE -j MASQUERADE", table="nat")[0] == "MINE"


@pytest.mark.parametrize("command", ["-A INPUT", "--append INPUT", "-I INPUT", "-I INPUT 3", "--insert INPUT 1"])
def test_append_and_insert_are_read_alike(command):
    assert parse_rule_line(f"{command} -s 10/8 -j ACCEPT") == ("INPUT", Rule.parse("-s 10.0.0.0/8 -j ACCEPT"))


def test_the_parts_of_a_rule_are_values():
    assert Rule.parse("! -s 10.0.0.0/8 -i veth+ -p 17 -m mark --mark 1 -j MASQUERADE --random") == Rule(
        source=Condition(AddressMask(4, 10 << 24, 0xFF000000), negated=True),
        in_interface=Condition("veth+"),
        protocol=Condition(17),
        matches=(Match("mark", (Option("mark", values=("0x1",)),)),),
        target=Target("MASQUERADE", (Option("random"),)),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-p 47 -j ACCEPT", "-p gre -j ACCEPT"),
        ("-p tcp --syn", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN"),
        ("-m comment --comment 'two words'", '-m comment --comment "two words"'),
        ("-j MARK --or-mark 16384", "-j MARK --set-xmark 0x4000/0x4000"),
        ("-m conntrack -m limit --ctstate NEW", "-m conntrack --ctstate NEW -m limit --limit 3/hour"),
        ("-m foo --bar 'a b'", '-m foo --bar "a b"'),
    ],
)
def test_rules_that_iptables_save_prints_alike_are_equal_and_hash_alike(one, other):
    assert {Rule.parse(one)} == {Rule.parse(other)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-g CHAIN", "-j CHAIN"),
        ("-f", "! -f"),
        ("-m mark --mark 1", "-m mark ! --mark 1"),
        ("-m mark --mark 1", "-m connmark --mark 1"),
        ("-m comment --comment a -m mark --mark 1", "-m mark --mark 1 -m comment --comment a"),
        ("-m foo --bar 1", "-m foo --bar 01"),
    ],
)
def test_rules_that_iptables_save_prints_differently_are_not_equal(one, other):
    assert Rule.parse(one) != Rule.parse(other)


PIECES = (
    *("!", "-f", "-s 10/8", "-d 10.0.0.1", "-i eth0", "-o 'a'", "-p tcp", "-p udp", "-m tcp", "--dport 80", "--syn"),
    *("-m mark", "--mark 1", "-m connmark", "-m comment", "--comment", "-m limit", "-m foo", "--bar", "-j CHAIN"),
    *("-j MARK", "--set-mark 1", "-j ACCEPT", "-g CHAIN", "1", "-1", "--", "'", "''", "'a", "b'", "'a b'", "it's"),
    *('"', '""', '"a', 'b"', r'"a\"b"', r'"\\"', "\\", "\u00a0"),
)


@given(printable.filter(lambda text: len(text.encode()) <= 255))
def test_no_comment_can_end_its_rule(text):
    rule = Rule.parse(f"-m comment --comment {quote(text)} -j DROP")
    assert rule == Rule(matches=(Match("comment", (Option("comment", values=(text,)),)),), target=Target("DROP"))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text())
def test_any_text_is_a_rule_that_is_read_back_or_a_value_error(text):
    try:
        rule = Rule.parse(text)
    except ValueError:
        return
    assert Rule.parse(str(rule)) == rule


@given(ANY_TEXT)
def test_whatever_the_kernel_holds_is_a_rule_that_can_be_written_down(text):
    rule = kernel_rule(f"-A FORWARD -s 192.0.2.1/32 -m comment --comment {always_quote(text)} -j {text}")
    assert (Rule.parse(str(rule)), "\n" in str(rule)) == (rule, False)
