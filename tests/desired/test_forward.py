from __future__ import annotations

import pytest

from netplan.desired.chains import FORWARD_CHAIN, forward_chain
from netplan.net import Prefix
from netplan.trace.firewall.targets import Fate
from netplan.trace.firewall.walk import Walker
from netplan.trace.flow import ANYWHERE, Flow
from tests import make

NETWORK, OTHER = Prefix.parse("172.7.0.0/16"), Prefix.parse("10.9.0.0/16")


@pytest.mark.parametrize(
    ("source", "destination", "fate"),
    [(NETWORK, ANYWHERE[4], Fate.ACCEPTED), (OTHER, NETWORK, Fate.ACCEPTED), (OTHER, OTHER, Fate.CONTINUES)],
    ids=["from pods", "to pods", "of others"],
)
def test_traffic_of_pods_and_no_other_is_accepted(source, destination, fate):
    branches = Walker({}).walk(forward_chain(NETWORK).rules, FORWARD_CHAIN[4], Flow.between(source, destination))
    assert {branch.fate for branch in branches} == {fate}


NODES = tuple(map(Prefix.parse, ("10.4.7.20/31", "10.4.7.22/32")))
NODE, STRANGER = Prefix.parse("10.4.7.22/32"), Prefix.parse("10.4.7.23/32")


@pytest.mark.parametrize(
    ("source", "destination", "fate"),
    [
        (NETWORK, NETWORK, Fate.ACCEPTED),
        (NETWORK, NODE, Fate.ACCEPTED),
        (NODE, NETWORK, Fate.ACCEPTED),
        (NETWORK, STRANGER, Fate.CONTINUES),
        (STRANGER, NETWORK, Fate.CONTINUES),
        (NODE, OTHER, Fate.CONTINUES),
    ],
    ids=["among pods", "pod -> node", "node -> pod", "pod -> outside", "outside -> pod", "of others"],
)
def test_of_pods_with_nodes_nothing_of_the_outside_is_accepted(source, destination, fate):
    chain = forward_chain(NETWORK, NODES)
    branches = Walker({}).walk(chain.rules, FORWARD_CHAIN[4], Flow.between(source, destination))
    assert {branch.fate for branch in branches} == {fate}


def test_there_are_two_rules_for_each_range_of_nodes():
    assert make.texts(forward_chain(NETWORK, NODES).rules) == [
        "-s 172.7.0.0/16 -d 172.7.0.0/16 -j ACCEPT",
        "-s 172.7.0.0/16 -d 10.4.7.20/31 -j ACCEPT",
        "-s 10.4.7.20/31 -d 172.7.0.0/16 -j ACCEPT",
        "-s 172.7.0.0/16 -d 10.4.7.22/32 -j ACCEPT",
        "-s 10.4.7.22/32 -d 172.7.0.0/16 -j ACCEPT",
    ]
