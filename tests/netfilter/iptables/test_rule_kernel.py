"""What `Rule` prints, given to the real iptables: it must come back as it went, on both backends."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netplan.netfilter.iptables.matches import MATCHES
from netplan.netfilter.iptables.names import TCP
from netplan.netfilter.iptables.rule import Rule, parse_rule_line
from netplan.netfilter.iptables.targets import TARGETS
from tests.kinds.chain.scratch import BACKENDS, restore_and_save
from tests.netfilter.iptables import written

CHAIN = "MINE"


def payload(tables):
    lines = []
    for table, rules in tables.items():
        lines += [f"*{table}", f":{CHAIN} - [0:0]", *(f"-A {CHAIN} {rule}".rstrip() for rule in rules), "COMMIT"]
    return "\n".join([*lines, ""])


def saved_rules(dump):
    tables: dict[str, list[str]] = {}
    name = ""
    for line in dump.splitlines():
        if line.startswith("*"):
            name = line[1:]
        elif line.startswith("-A "):
            tables.setdefault(name, []).append(line.removeprefix(f"-A {CHAIN}").strip())
    return tables


def tables_of_rules(version):
    rules = {table: st.lists(written.rules(version, table), min_size=1, max_size=12) for table in written.TABLES}
    return st.fixed_dictionaries(rules)


@pytest.mark.parametrize("version", [4, 6])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_printed_comes_back_from_the_kernel(version, tmp_path, data):
    texts = data.draw(tables_of_rules(version))
    rules = {table: [str(Rule.parse(text, version=version)) for text in lines] for table, lines in texts.items()}
    dumps = restore_and_save(payload(rules), version, tmp_path / "lock")
    assert {backend: saved_rules(dump) or dump for backend, dump in dumps.items()} == dict.fromkeys(BACKENDS, rules)


@pytest.mark.parametrize(
    "rule",
    [
        "-m hashlimit --hashlimit-above 5/min --hashlimit-burst 9 --hashlimit-mode srcip --hashlimit-name x -j DROP",
        "-m policy --dir in --pol ipsec --reqid 5 --proto esp --mode tunnel -j ACCEPT",
        '-m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0" -j ACCEPT',
        "-p esp -m esp --espspi 500 -j NFQUEUE --queue-balance 0:5 --queue-bypass --queue-cpu-fanout",
        "-p sctp -m sctp --dport 5 --chunk-types any INIT -j RETURN",
    ],
)
def test_what_is_not_known_comes_back_from_the_kernel(rule, tmp_path):
    tables = {"filter": [str(Rule.parse(rule))]}
    dumps = restore_and_save(payload(tables), 4, tmp_path / "lock")
    assert {backend: saved_rules(dump) or dump for backend, dump in dumps.items()} == dict.fromkeys(BACKENDS, tables)


@pytest.mark.parametrize("spec", [*MATCHES.values(), *TARGETS.values()], ids=lambda spec: spec.name)
def test_every_option_is_among_those_that_are_tried(spec):
    tried = written.option_values(4, TCP).keys() | {option.name for option in spec.options if not option.readers}
    assert spec.name in written.whole_extensions(4).keys() | {"set"} or tried >= {opt.name for opt in spec.options}


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), version=st.sampled_from([4, 6]), table=st.sampled_from(written.TABLES))
def test_a_printed_rule_is_read_back_as_the_same_rule(data, version, table):
    rule = Rule.parse(data.draw(written.rules(version, table)), version=version)
    assert parse_rule_line(f"-A {CHAIN} {rule}", version=version, table=table) == (CHAIN, rule)
