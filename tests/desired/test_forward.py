from __future__ import annotations

import pytest

from netplan.desired.chains import FORWARD_CHAIN, forward_chain
from netplan.net import Prefix
from netplan.trace.firewall.targets import Fate
from netplan.trace.firewall.walk import Walker
from netplan.trace.flow import ANYWHERE, Flow

NETWORK, OTHER = Prefix.parse("172.7.0.0/16"), Prefix.parse("10.9.0.0/16")


@pytest.mark.parametrize(
    ("source", "destination", "fate"),
    [(NETWORK, ANYWHERE[4], Fate.ACCEPTED), (OTHER, NETWORK, Fate.ACCEPTED), (OTHER, OTHER, Fate.CONTINUES)],
    ids=["from pods", "to pods", "of others"],
)
def test_traffic_of_pods_and_no_other_is_accepted(source, destination, fate):
    branches = Walker({}).walk(forward_chain(NETWORK).rules, FORWARD_CHAIN[4], Flow.between(source, destination))
    assert {branch.fate for branch in branches} == {fate}
