"""A plan decides over what is ours, what it wants, and the foreign rules that it removes."""

from __future__ import annotations

import pytest

from netplan.kinds.chain.value import Chain, PlacedRule, jump_to
from netplan.kinds.resource import Change
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.takeover import uncovered
from tests import make, tunnels

REMOVING = make.desired(make.spec(firewall=make.REMOVE))
REJECT = PlacedRule(make.FORWARD, 1, make.rule(make.REJECT))


@pytest.mark.parametrize(
    ("resource", "decided"),
    [
        (make.route(), True),
        (make.route(protocol=3), True),
        (make.route("192.0.2.0/24", protocol=3), False),
        (Chain(make.FORWARD_CHAIN), True),
        (PlacedRule(make.FORWARD, 1, jump_to(make.FORWARD_CHAIN)), True),
        (REJECT, True),
        (PlacedRule(make.FORWARD, 1, make.rule("-j LOG")), False),
        (Sysctl("net.ipv4.ip_forward", "0"), True),
        (Sysctl("net.ipv4.tcp_ecn", "0"), False),
        (tunnels.address(ours=False), False),
    ],
    ids=str,
)
def test_what_is_left_of_an_undo_is_decided_over_or_not(resource, decided):
    left = (Change(None, resource, make.WHY),)
    assert uncovered(left, REMOVING) == (() if decided else left)


def test_what_stands_on_a_link_of_ours_goes_with_it():
    left = (Change(tunnels.link(), None, make.WHY), Change(tunnels.address(ours=False), None, make.WHY))
    assert uncovered(left, REMOVING) == ()


def test_without_a_spec_only_what_is_ours_is_decided_over():
    left = (Change(None, REJECT, make.WHY), Change(None, make.route(), make.WHY))
    assert uncovered(left, None) == left[:1]
