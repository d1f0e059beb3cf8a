"""Remove takes everything of podnet's off the node, and nothing else."""

from __future__ import annotations

import re

import pytest

STRANGERS = """
ip route add 192.0.2.0/24 via 10.4.7.254 proto static
iptables-$1 -N STRANGER
iptables-$1 -A STRANGER -m comment --comment podnet -j RETURN
iptables-$1 -I FORWARD -j STRANGER
"""


@pytest.fixture
def removed(applied):
    assert applied.remove().code == 0
    return applied


def is_gone(applied):
    """Remove podnet, and return whether its chains and jumps were there before and are not afterwards."""
    before = applied.rules()
    applied.remove()
    return ["PODNET" in rules for rules in (before, applied.rules())] == [True, False]


def test_no_chain_or_jump_of_ours_is_left(applied):
    assert is_gone(applied)


def test_no_route_of_ours_is_left(removed):
    assert removed.shell("ip route show table all proto 112") == ""


def test_stale_route_of_ours_goes_too(applied):
    applied.shell("ip route add 172.7.99.0/24 via 10.4.7.22 proto 112")
    applied.remove()
    assert applied.shell("ip route show proto 112") == ""


def test_node_is_as_podnet_found_it_but_for_the_rules_that_the_spec_removed(node):
    node.shell(STRANGERS, node.backend)
    node.iptables("-t nat -D POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE")
    node.iptables("-D FORWARD -j REJECT --reject-with icmp-host-prohibited")
    before = node.state()
    node.apply()
    node.remove()
    assert node.state() == before


def test_forwarding_stays_on(removed):
    assert removed.state().forwarding == "net.ipv4.ip_forward = 1"


def test_second_remove_finds_nothing(removed):
    assert removed.remove().stdout == "No changes. hdss7-21: in sync.\n"


def test_remove_of_half_of_it_leaves_nothing(applied):
    applied.iptables("-t nat -D POSTROUTING -m comment --comment podnet -j PODNET-POSTROUTING")
    applied.shell("ip route del 172.7.22.0/24")
    assert (applied.remove().code, "PODNET" in applied.rules()) == (0, False)


def test_remove_works_without_the_chains_being_reachable(applied):
    applied.iptables("-t nat -A POSTROUTING -j PODNET-POSTROUTING")
    assert is_gone(applied)


def test_chain_of_ours_that_no_rule_leads_into_goes(applied):
    applied.iptables("-t nat -N PODNET-OLD")
    assert is_gone(applied)


def test_jump_of_ours_in_a_chain_where_none_belongs_goes(applied):
    applied.iptables("-I INPUT -j PODNET-FORWARD")
    assert is_gone(applied)


def test_remove_says_what_becomes_of_traffic(applied):
    said = applied.podnet("remove", applied.spec, "--yes").stdout
    assert re.search(r"= traffic pod on hdss7-22 -> pod here +source kept -> ", said)


def test_remove_names_the_rules_that_stay_away_until_their_program_starts(applied):
    said = applied.remove().stderr
    assert "  filter FORWARD: -j REJECT --reject-with icmp-host-prohibited\n" in said
    assert "(the programs that made them do that when they start)" in said
