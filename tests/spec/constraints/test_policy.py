"""Lists, sysctls and checks make sense by themselves."""

from __future__ import annotations

import pytest

from tests.spec.factory import mistakes, only_problem, saying, spec_text


def test_a_sysctl_of_a_node_may_differ_from_the_clusters():
    assert mistakes(saying("sysctl: {net.ipv4.tcp_ecn: 1}"), sysctl="{net.ipv4.tcp_ecn: 2}") == []


def test_a_node_can_not_switch_forwarding_off():
    assert "no pod network" in only_problem(spec_text(saying("sysctl: {net.ipv4.ip_forward: 0}"))).message


@pytest.mark.parametrize(
    "keys",
    [
        {"ip_masq": "{non_masquerade_cidrs: [10.0.0.0/8, 10.0.0.0/8]}"},
        {"firewall": "{respect_marks: [0x1/0x1, 1/1]}"},
        {"firewall": "{remove: [{table: raw, rule: -A X -j DROP}, {table: raw, rule: -A X -j DROP}]}"},
        {"sysctl": "{net.ipv4.tcp_ecn: 1, net/ipv4/tcp_ecn: 1}"},
    ],
    ids=str,
)
def test_an_item_stands_once(keys):
    assert "the same stands in" in only_problem(spec_text(**keys)).message


def test_one_rule_may_be_removed_from_two_tables():
    assert mistakes(firewall="{remove: [{table: filter, rule: -A X -j DROP}, {table: raw, rule: -A X -j DROP}]}") == []


@pytest.mark.parametrize("name", ["net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.conf.all.forwarding"])
def test_forwarding_can_not_be_switched_off_by_any_of_its_names(name):
    assert "no pod network" in only_problem(spec_text(sysctl=f"{{{name}: 0}}")).message


def test_forwarding_of_a_version_that_pods_do_not_have_is_the_specs_to_switch():
    assert mistakes(sysctl="{net.ipv6.conf.all.forwarding: 0}") == []


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("{ping: peers, tcp: '10.4.7.22:80'}", "checks[0]: ping and tcp are two checks"),
        ("{within: 5}", "checks[0]: nothing is checked"),
    ],
)
def test_a_check_is_one_thing(check, message):
    assert only_problem(spec_text(checks=f"[{check}]")).message == message
