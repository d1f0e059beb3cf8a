"""The targets that are understood: how iptables-save prints them, and what each needs."""

from __future__ import annotations

import pytest

from netplan.netfilter.iptables.rule import Rule
from netplan.netfilter.iptables.targets import ADDED_TARGETS, TARGET_EXTENSIONS, TARGETS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-j REJECT --reject-with tcp-reset", "tcp-reset needs -p tcp"),
        ("-j REJECT --reject-with icmp6-no-route", "not one of icmp-net-unreachable"),
        ("-j LOG --log-prefix " + "x" * 30, "longer than 29 bytes"),
        ("-j MARK --set-mark 1 --or-mark 2", "--or-mark: given twice"),
        ("-j CONNMARK --set-mark 1 --mask 2", "--set-xmark VALUE/MASK"),
        ("-j SNAT", "-j SNAT: needs --to-source"),
        ("-j SNAT --to-source 192.0.2.1:80", "ports need .*-p tcp"),
        ("-p tcp -j DNAT --to-destination 10.0.0.1:9-5", "starts after its end"),
        ("-p tcp -j DNAT --to-destination 10.0.0.1:80/5", "needs a range"),
        ("-j DSCP --set-dscp-class AF99", "not a class: BE, EF"),
    ],
)
def test_an_error_names_the_option_and_what_would_be_right(text, message):
    with pytest.raises(ValueError, match=message):
        Rule.parse(text)


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("-j CONNMARK --save-mark", "-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff"),
        ("-j CONNMARK --restore-mark --mask 0xf0", "-j CONNMARK --restore-mark --nfmask 0xf0 --ctmask 0xf0"),
        ("-j CONNMARK --set-mark 1", "-j CONNMARK --set-xmark 0x1/0xffffffff"),
        ("-j REJECT --reject-with host-prohib", "-j REJECT --reject-with icmp-host-prohibited"),
        ("-p tcp -j REJECT --reject-with tcp-rst", "-p tcp -j REJECT --reject-with tcp-reset"),
        ("! -p tcp -j MASQUERADE --to-ports 1-2", "! -p tcp -j MASQUERADE --to-ports 1-2"),
    ],
)
def test_a_target_is_printed_as_iptables_save_does(written, saved):
    assert str(Rule.parse(written)) == saved


def test_no_chain_may_have_the_name_of_a_target_that_is_understood():
    assert (TARGETS.keys() <= TARGET_EXTENSIONS, ADDED_TARGETS & TARGET_EXTENSIONS) == (True, frozenset())
