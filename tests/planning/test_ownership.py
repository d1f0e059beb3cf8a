"""What a saved plan may change is told by the kernel's objects: a file may say anything."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.net import IfName
from netplan.planning.ownership import foreign
from tests import make, tunnels

VETH = Link(IfName("veth1"), 1500, up=True)
DEFAULT = make.route("0.0.0.0/0", "10.4.7.254", protocol=3)
FLANNEL = tunnels.link("flannel.1", alias="")
OVER_FLANNEL = tunnels.route("172.7.23.0/24", "flannel.1", protocol=3)


def refused(now, *changes, adopts=False, puts_back=False):
    """Return what may not be changed of a state that holds some objects; each change is a pair of sides."""
    planned = (Change(before, after, make.WHY) for before, after in changes)
    return list(foreign(planned, make.snapshot("", *now), adopts=adopts, puts_back=puts_back))


FORGED = [
    pytest.param([VETH], (replace(VETH, alias="podnet"), None), id="a link that is said to carry our alias"),
    pytest.param([DEFAULT], (replace(DEFAULT, protocol=112), None), id="a route that is said to be of our protocol"),
    pytest.param([DEFAULT], (None, replace(DEFAULT, protocol=112)), id="a route that is said not to be there"),
    pytest.param([FLANNEL], (FLANNEL, replace(FLANNEL, alias="podnet")), id="a link that is adopted without adopt"),
]


@pytest.mark.parametrize(("now", "change"), FORGED)
def test_an_object_of_another_program_is_none_of_ours_whatever_the_file_says(now, change):
    assert refused(now, change) == now


@pytest.mark.parametrize("entry_of", [tunnels.address, tunnels.neighbour, tunnels.fdb])
def test_what_stands_on_a_link_of_another_program_is_none_of_ours(entry_of):
    stranger = entry_of(device="veth1")
    assert refused([VETH], (None, stranger)) == [stranger]


@pytest.mark.parametrize("entry_of", [tunnels.address, tunnels.neighbour, tunnels.fdb])
def test_what_stands_on_our_link_or_on_one_that_is_made_is_ours(entry_of):
    link, item = tunnels.link(), entry_of()
    assert (refused([link], (None, item)), refused([], (None, link), (None, item))) == ([], [])


def test_a_plan_that_adopts_may_change_a_link_and_what_stands_on_it_and_goes_with_it():
    taken = (FLANNEL, replace(FLANNEL, alias="podnet"))
    entry = tunnels.fdb(device="flannel.1", ours=False)
    changes = [taken, (OVER_FLANNEL, None), (replace(entry, ours=True), None), (DEFAULT, make.route("0.0.0.0/0"))]
    assert refused([FLANNEL, OVER_FLANNEL, entry, DEFAULT], *changes, adopts=True) == []


def test_a_plan_that_puts_back_may_change_a_route_that_replaced_ours_and_nothing_else():
    back = (DEFAULT, make.route("0.0.0.0/0"))
    assert refused([DEFAULT], back, puts_back=True) == []
    assert refused([DEFAULT, VETH], (DEFAULT, None), (VETH, None), puts_back=True) == [DEFAULT, VETH]


def test_beside_ours_a_route_of_another_program_may_stand():
    ours = make.route()
    assert refused([ours, make.route(via="10.4.7.254", protocol=3)], (ours, None)) == []


def test_a_plan_that_adopts_may_not_delete_what_it_does_not_adopt():
    assert refused([VETH, DEFAULT], (VETH, None), (DEFAULT, None), adopts=True) == [VETH, DEFAULT]
