"""What iptables-nft writes itself is never called misread, whichever rule it is; what nft writes is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.nftables.expression import rules
from netplan.netfilter.nftables.misread import misread_among, native_set, reasons
from tests.kinds.chain.scratch import call, run
from tests.netfilter.iptables import written
from tests.netfilter.nftables import answering
from tests.netfilter.nftables.instructions import ACCEPT, instruction
from tests.netfilter.nftables.recording import replayed

CAPTURES = sorted((Path(__file__).parents[2] / "data" / "captures").glob("*.rules"))
CHAIN = "MINE"


def probe(program, text, lock, *chains):
    """Load rules in a network namespace; give how many there are then, and what is said of them."""
    return call(lock, loaded, program.split(), text, chains)


def loaded(program, text, chains):
    subprocess.run(program, input=text, text=True, check=True)
    there = [rule for chain in chains for rule in rules("ip", *chain.split())]
    return [len(there), [why for rule in there for why in reasons(rule)]]


def payload(tables):
    lines = []
    for table, texts in tables.items():
        lines += [f"*{table}", f":{CHAIN} - [0:0]", *(f"-A {CHAIN} {rule}".rstrip() for rule in texts), "COMMIT"]
    return "\n".join([*lines, ""])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.fixed_dictionaries(
        {table: st.lists(written.rules(4, table), min_size=5, max_size=30) for table in written.TABLES}
    )
)
def test_what_iptables_writes_is_not_called_misread(tmp_path, data):
    tables = {table: [str(Rule.parse(text)) for text in texts] for table, texts in data.items()}
    chains = [f"{table} {CHAIN}" for table in tables]
    count = sum(map(len, tables.values()))
    assert probe("iptables-nft-restore", payload(tables), tmp_path / "lock", *chains) == [count, []]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_no_rule_of_a_real_node_is_called_misread(path, tmp_path):
    text = "\n".join(line for line in path.read_text().splitlines() if "--match-set" not in line) + "\n"
    chains, table = [], ""
    for line in text.splitlines():
        table = line[1:] if line.startswith("*") else table
        if line.startswith(":"):
            chains.append(f"{table} {line.split()[0][1:]}")
    count = sum(line.startswith("-A ") for line in text.splitlines())
    assert probe("iptables-nft-restore", text, tmp_path / "lock", *chains) == [count, []]


def table_of(rule):
    """Return a table of nft with one rule."""
    return f"table ip t {{\n set pods {{ type ipv4_addr; }}\n chain c {{\n {rule}\n }}\n}}\n"


def recorded_reasons(rule):
    """Return what is said of a rule as a kernel has told it."""
    with replayed(table_of(rule)):
        return [why for expressions in rules("ip", "t", "c") for why in reasons(expressions)]


MISREAD = (
    ("ip daddr vmap { 1.1.1.1 : accept }", "it looks a packet up in a set or a map"),
    ("ip saddr @pods accept", "it looks a packet up in a set or a map"),
    ("meta l4proto { tcp, udp } accept", "it looks a packet up in a set or a map"),
    ("ip saddr 1.2.3.4-1.2.3.9 accept", "it compares by >="),
    ("ip saddr < 1.2.3.4 accept", "it compares by <"),
    ("ip ttl set 5", "it writes into the packet"),
    ("ip daddr 1.2.3.4 ip daddr 5.6.7.8 accept", "it has two conditions on one field"),
    ('iifname "a" iifname "b" accept', "it has two conditions on one field"),
    ("tcp dport 80 tcp dport 90 accept", "it has two conditions on one field"),
    ("ip saddr 10.0.0.0/8 ip saddr 10.1.0.0/16 accept", "it has two conditions on one field"),
    ("mark or 1 == 1 accept", "it compares what it has computed"),
)
PRINTED = (
    "ip saddr 10.0.0.0/8 ip daddr != 10.1.0.0/16 accept",
    "tcp dport 80-90 accept",
    'oifname != "ve*" drop',
    "mark and 0x4000 == 0x4000 return",
    "counter",
)
ON_THE_MARK = (
    ("mark 1 mark 2", "-m mark --mark 0x1 -m mark --mark 0x2"),
    ("mark 1 mark and 2 == 2", "-m mark --mark 0x1 -m mark --mark 0x2/0x2"),
    ("mark and 3 == 1 mark and 3 == 2", "-m mark --mark 0x1/0x3 -m mark --mark 0x2/0x3"),
    (
        "mark and 0x4000 != 0x4000 mark and 0x2000 != 0x2000",
        "-m mark ! --mark 0x4000/0x4000 -m mark ! --mark 0x2000/0x2000",
    ),
    ("mark 1 tcp dport 80 mark != 2", "-p tcp -m mark --mark 0x1 -m tcp --dport 80 -m mark ! --mark 0x2"),
)
TABLES = [
    table_of(rule)
    for rule in (*(rule for rule, _ in MISREAD), *PRINTED, *(f"{rule} accept" for rule, _ in ON_THE_MARK))
]


@pytest.mark.parametrize(("rule", "why"), MISREAD)
def test_what_nft_writes_is_called_misread(tmp_path, rule, why):
    _, said = probe("nft -f -", table_of(rule), tmp_path / "lock", "t c")
    assert said[0] == why


@pytest.mark.parametrize(("rule", "why"), MISREAD)
def test_what_was_recorded_of_nft_is_called_misread(rule, why):
    assert recorded_reasons(rule)[0] == why


@pytest.mark.parametrize("rule", PRINTED)
def test_what_iptables_prints_as_it_is_is_not_called_misread(tmp_path, rule):
    assert probe("nft -f -", table_of(rule), tmp_path / "lock", "t c") == [1, []]


@pytest.mark.parametrize("rule", PRINTED)
def test_what_was_recorded_and_iptables_prints_as_it_is_is_not_called_misread(rule):
    assert recorded_reasons(rule) == []


@pytest.mark.parametrize(("rule", "printed"), ON_THE_MARK)
def test_all_conditions_on_the_mark_are_printed_and_none_is_called_misread(tmp_path, rule, printed):
    script = f"iptables-nft -N NATIVE && nft add rule ip filter NATIVE '{rule} accept' && iptables-nft -S NATIVE"
    assert run(["sh", "-c", script], tmp_path / "lock").stdout.splitlines()[1:] == [f"-A NATIVE {printed} -j ACCEPT"]
    assert probe("nft -f -", table_of(f"{rule} accept"), tmp_path / "lock", "t c") == [1, []]


@pytest.mark.parametrize("rule", [rule for rule, _ in ON_THE_MARK])
def test_no_recorded_condition_on_the_mark_is_called_misread(rule):
    assert recorded_reasons(f"{rule} accept") == []


def test_the_first_rule_of_a_chain_that_is_misread_is_named_with_its_place():
    lookup = (instruction("lookup", _1=b"s\0", _2=1), ACCEPT)
    assert misread_among("FORWARD", [(ACCEPT,), lookup, lookup]) == (
        "rule 2 of FORWARD is nft's own: it looks a packet up in a set or a map"
    )
    assert misread_among("FORWARD", [(ACCEPT,)]) is None


def test_a_table_in_which_there_is_a_set_has_rules_of_nft_s_own():
    with answering.kernel() as kernel:
        assert native_set("nat") is None
        kernel.add(answering.SET, answering.IPV4, _1="nat", _2="__map0")
        assert native_set("nat") == "__map0"
