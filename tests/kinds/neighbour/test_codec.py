"""Permanent neighbours as messages: ours and pyroute2's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.kinds.neighbour import codec as neighbours
from netplan.kinds.neighbour.value import Neighbour
from netplan.system.netlink.route import NEIGHBOUR
from tests import tunnels
from tests.kinds import drawn, pyroute

behind = st.builds(Neighbour, drawn.devices, drawn.any_address, drawn.lladdrs)


@given(behind)
def test_a_neighbour_is_the_same_for_both(neighbour):
    fields, attributes = pyroute.neighbour(neighbour)
    assert neighbours.decode(pyroute.written(NEIGHBOUR, fields, attributes), drawn.LINKS) == neighbour
    for request in (neighbours.encode_new, neighbours.encode_delete):
        assert pyroute.read(NEIGHBOUR, request(neighbour, drawn.NAMES[neighbour.link]), fields) == (fields, attributes)


@pytest.mark.parametrize("version", [4, 6])
def test_the_neighbours_behind_one_device_are_asked_for(version):
    fields, content = neighbours.dump_request(version, 3)
    family = {"family": pyroute.FAMILIES[version]}
    assert pyroute.read(NEIGHBOUR, drawn.get_request(NEIGHBOUR, fields, content), family) == (
        family,
        {"NDA_IFINDEX": 3},
    )


@pytest.mark.parametrize(
    ("fields", "without"), [({"state": 2}, None), ({"ifindex": 9}, None), ({}, "NDA_LLADDR")], ids=str
)
def test_a_neighbour_that_does_not_stay_is_unknown_or_has_no_address_is_left_out(fields, without):
    usual, attributes = pyroute.neighbour(tunnels.neighbour())
    attributes.pop(without, None)
    assert neighbours.decode(pyroute.written(NEIGHBOUR, usual | fields, attributes), drawn.LINKS) is None
