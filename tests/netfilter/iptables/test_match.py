"""A match or target of a rule: its options, whether all of them are known, and its text."""

from __future__ import annotations

import pytest

from netplan.netfilter.iptables.extension import Option
from netplan.netfilter.iptables.match import Match, Target
from netplan.netfilter.iptables.rule import Rule


@pytest.mark.parametrize("text", ["-m foo", "-m foo --bar", "-p tcp -m tcp --dport 80 --not-yet-invented"])
def test_a_match_that_is_not_wholly_known_says_so(text):
    assert not Rule.parse(text).matches[0].known


@pytest.mark.parametrize(("text", "known"), [("-j ACCEPT", True), ("-j CHAIN", False), ("-j CT --zone 1", False)])
def test_a_target_says_whether_it_is_known(text, known):
    target = Rule.parse(text).target
    assert target is not None
    assert target.known is known


def test_an_option_is_got_by_the_name_that_iptables_save_prints():
    match = Match("mark", (Option("mark", values=("0x1",)),))
    assert (match.get("mark"), match.get("nfmask")) == (Option("mark", values=("0x1",)), None)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (Match("mark", (Option("mark", negated=True, values=("0x1",)),)), "mark ! --mark 0x1"),
        (Match("policy", unread="--pol ipsec"), "policy --pol ipsec"),
        (Target("ACCEPT"), "ACCEPT"),
    ],
)
def test_an_extension_is_written_with_its_options_or_as_it_was_read(part, text):
    assert str(part) == text
