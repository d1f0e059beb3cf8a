"""What nftables compares that is no number, in the words of iptables."""

from __future__ import annotations

import pytest

from netplan.netfilter.nftables.load import Load
from netplan.netfilter.nftables.wording import said


@pytest.mark.parametrize(
    ("load", "value", "words"),
    [
        (Load("pkttype", 1), b"\1", "-m pkttype --pkt-type broadcast"),
        (Load("pkttype", 1), b"\7", None),
        (Load("rpfilter --loose", 4), bytes(4), "-m rpfilter --loose --invert"),
        (Load("rpfilter", 4), b"\1\0\0\0", "-m rpfilter"),
        (Load("index rpfilter", 4), b"\1\0\0\0", None),
        (Load("iif", 4), b"\1\0\0\0", "-i lo"),
        (Load("iif", 4), b"\2\0\0\0", None),
        (Load("ct direction", 1), b"\1", "-m conntrack --ctdir REPLY"),
    ],
)
def test_a_value_has_the_words_of_a_match_or_none(load, value, words):
    assert said(load, value, value, {1: "lo"}) == words
