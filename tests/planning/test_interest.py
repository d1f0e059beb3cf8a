"""What is looked at to see what has become of a plan."""

from __future__ import annotations

from netplan.desired.chains import OUR_CHAINS
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.kinds.resource import Change, Resource
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.interest import interest_of, with_ground
from tests import make, tunnels

RAW = ChainKey(4, "raw", "PREROUTING")


def test_all_that_changes_is_looked_at_and_all_that_is_ours():
    rule = PlacedRule(RAW, 1, make.rule("-j DROP"))
    sides: list[Resource] = [rule, Chain(make.FORWARD_CHAIN), Sysctl("net.ipv4.tcp_ecn", "1"), tunnels.link()]
    interest = interest_of([Change(side, None, make.WHY) for side in sides])
    assert {RAW, make.FORWARD_CHAIN, *OUR_CHAINS} <= interest.chains
    assert interest.sysctls == {"net.ipv4.tcp_ecn", "net.ipv4.ip_forward"}
    assert interest.ports == {8472}


def test_of_nat_the_chains_that_rules_lead_into_are_counted_too():
    interest = with_ground(interest_of(()))
    assert interest.walks == {key for key in interest.chains if key.table == "nat" and not key.owned}
    assert make.POSTROUTING in interest.walks
