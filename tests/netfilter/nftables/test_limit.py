"""Limits of nftables in the words of iptables."""

from __future__ import annotations

import pytest

from netplan.netfilter.nftables.condition import Conditions
from netplan.netfilter.nftables.family import FAMILIES
from netplan.netfilter.nftables.limit import limited
from netplan.netfilter.nftables.path import Path
from tests.netfilter.nftables.instructions import instruction


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (instruction("limit", _1=5, _2=60), "-m hashlimit --hashlimit-upto 5/min"),
        (instruction("limit", _1=5, _2=1, _4=1, _5=1), "-m hashlimit --hashlimit-above 5b/sec"),
        (instruction("connlimit", _1=7, _2=1), "-m connlimit --connlimit-above 7"),
        (instruction("quota", _1=9, _2=0), "-m quota --quota 9"),
    ],
)
def test_packets_stay_under_a_limit_or_are_over_it(expression, words):
    assert [*limited(Path(Conditions({}, FAMILIES[4])), expression).texts()] == [words]
