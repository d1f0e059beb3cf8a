from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds import snapshot_json
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.resource import Change, Reason
from netplan.kinds.route.value import Route
from netplan.net import IfName
from tests import make

ROUTE = make.route()
STATE = make.snapshot(make.docker(), ROUTE, backend=FirewallBackend.LEGACY)
MAKES_IT = Change(None, ROUTE, Reason("wanted"))


def test_a_state_is_read_back():
    read = snapshot_json.from_json(snapshot_json.to_json(STATE))
    assert (read.backend, make.content(read)) == (STATE.backend, make.content(STATE))


def test_an_object_that_a_change_makes_is_its_number():
    data = snapshot_json.to_json(STATE.replace(Route, [ROUTE]), {ROUTE: 0})
    assert data["routes"] == [0]
    assert snapshot_json.from_json(data, [MAKES_IT]).all(Route) == (ROUTE,)


@pytest.mark.parametrize("known", [True, False, None])
def test_what_is_seldom_known_of_a_state_is_read_back(known):
    state = replace(STATE, ipsec=known, linkdown=frozenset({(4, IfName("docker0")), (6, IfName("eth0"))}))
    read = snapshot_json.from_json(snapshot_json.to_json(state))
    assert (read.ipsec, read.linkdown) == (state.ipsec, state.linkdown)


@pytest.mark.parametrize("number", [-1, 1])
def test_a_number_of_no_change_is_refused(number):
    data = {**snapshot_json.to_json(STATE), "routes": [number]}
    with pytest.raises(ValueError, match=rf"routes\[0\]: {number} is the number of no change that makes a route"):
        snapshot_json.from_json(data, [MAKES_IT])
