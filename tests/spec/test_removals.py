"""Rules that a spec wants removed: which are taken, and what they stand for."""

from __future__ import annotations

import pytest

from netplan.spec.removals import filled_in
from tests.spec.factory import mistakes, only_problem, spec_text


def removal(rule: str, table: str = "nat") -> str:
    return f"{{remove: [{{table: {table}, rule: '{rule}'}}]}}"


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("nat", "-A POSTROUTING -s {subnet} ! -o {bridge} -j MASQUERADE"),
        ("filter", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"),
        ("filter", "-A FORWARD -i {interface} -d {network} -g SOMEWHERE"),
        ("nat", '-A INPUT -m comment --comment "a \\" b" -j ACCEPT'),
        ("filter", "-A FORWARD -m hashlimit --hashlimit-name x --hashlimit-upto 1/sec -j DROP"),
        ("filter", "-A FORWARD -m geoip --source-country XX -j TARPIT --tarpit"),
        ("filter", "-A FORWARD -s {subnet} -j REJECTED"),
    ],
)
def test_a_rule_as_iptables_prints_it_can_be_removed(table, rule):
    assert mistakes(firewall=removal(rule, table)) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("-A FORWARD -s nonsense -j ACCEPT", "'nonsense' is not an IPv4 address"),
        ("-A FORWARD -p tcp --dport 80 --wat -j ACCEPT", ""),
        ("-A FORWARD x -j ACCEPT", ""),
        ("-A POSTROUTING -s {subnet} -j MASQUERADE extra", ""),
        ("-A FORWARD -s {subnet} -j DROP", "-j DROP is not possible in table nat"),
    ],
)
def test_a_rule_that_iptables_would_refuse_is_refused(rule, message):
    assert message in only_problem(spec_text(firewall=removal(rule))).message


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("POSTROUTING -j MASQUERADE", "a rule starts with -A CHAIN"),
        ("-t nat -A POSTROUTING -s {subnet} -j MASQUERADE", "a rule starts with -A CHAIN"),
        ("-A POSTROUTING -s {subnet}", "the rule has no target"),
        ("-A POSTROUTING -s {subnet} -j", "nothing follows -j"),
        ("-A POSTROUTING -j MASQUERADE", "the rule is about every packet of POSTROUTING"),
        ("-A PODNET-FORWARD -s {subnet} -j ACCEPT", "this is one of podnet"),
        ("-A FORWARD -s {subnet} -j PODNET-FORWARD", "this is one of podnet"),
        ("-A FORWARD -m comment --comment podnet -j ACCEPT", "this is one of podnet"),
        ("-A FORWARD -s {subnt} -j ACCEPT", "there is no placeholder {subnt}"),
        ("-A FORWARD -s {subnet -j ACCEPT", "a brace stands alone"),
        ('-A FORWARD -m comment --comment "x -j ACCEPT', "a quote is not closed"),
        ("-A FORWARD -s é -j ACCEPT", "the character 'é' stands in no rule"),
        ("-A FORWARD -m coment --comment x -j ACCEPT", "there is no match coment"),
        ("-A POSTROUTING -s {subnet} -j MASQURADE", "there is no target MASQURADE"),
        ("-A POSTROUTING -s {subnet} -j MASQ --random-fully", "MASQ is no target, and a chain takes no options"),
    ],
)
def test_a_rule_that_is_none_or_ours_or_too_broad_is_refused(rule, message):
    (problem,) = mistakes(firewall=removal(rule))
    assert problem.startswith(f"firewall.remove[0].rule: {message}")


@pytest.mark.parametrize("escape", [r"\n", r"\0", r"\e", r"\x7f"])
def test_a_rule_is_one_line_of_printable_characters(escape):
    keys = {"firewall": f'{{remove: [{{table: filter, rule: "-A FORWARD -j REJECT{escape}"}}]}}'}
    assert "stands in no rule" in only_problem(spec_text(**keys)).message


def test_an_unknown_placeholder_comes_with_the_one_that_was_meant():
    text = spec_text(firewall=removal("-A FORWARD -s {subnt} -j ACCEPT"))
    assert only_problem(text).hint == "did you mean {subnet}?"


@pytest.mark.parametrize(
    ("rule", "meant"),
    [("-A X -m conntrak --ctstate NEW -j ACCEPT", "conntrack"), ("-A X -s {subnet} -j MASQURADE", "MASQUERADE")],
)
def test_an_unknown_extension_comes_with_the_one_that_was_meant(rule, meant):
    assert only_problem(spec_text(firewall=removal(rule))).hint == f"did you mean {meant}?"


VALUES = {
    4: {"subnet": "172.7.21.0/24", "network": "172.7.0.0/16", "bridge": "docker0", "interface": "eth0"},
    6: {"subnet": "fd00:7:0:15::/64", "network": "fd00:7::/48", "bridge": "docker0", "interface": "eth0"},
}


@pytest.mark.parametrize(
    ("rule", "versions", "filled"),
    [
        (
            "-A FORWARD -s {subnet} -i {bridge} -j DROP",
            (4, 6),
            ["-s 172.7.21.0/24 -i docker0 -j DROP", "-s fd00:7:0:15::/64 -i docker0 -j DROP"],
        ),
        ("-A FORWARD -s 10.0.0.0/8 -j DROP", (4, 6), ["-s 10.0.0.0/8 -j DROP"]),
        ("-A FORWARD -s fd00::/8 -o {interface} -j DROP", (4,), ["-s fd00::/8 -o eth0 -j DROP"]),
        ("-A FORWARD -s fd00::/8 -d {subnet} -j DROP", (4,), []),
    ],
)
def test_a_rule_stands_for_those_of_the_ip_versions_that_take_it(rule, versions, filled):
    values = {version: VALUES[version] for version in versions}
    assert [str(read) for _, _, read in filled_in(rule, "filter", values)] == filled
