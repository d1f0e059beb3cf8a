"""Which next hops a device reaches without a router, and how a route to another one is wanted."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.route.value import Route
from netplan.net import Address, IfName
from netplan.planning.on_link import OnLink
from tests import make, tunnels

ETH0 = IfName("eth0")
HOP = Address.parse("10.4.7.22")
NARROW = make.snapshot(address="10.4.7.21/32")


def state(*routes):
    return NARROW.replace(Route, [*NARROW.all(Route), *routes])


def reached(*routes):
    return OnLink(state(*routes)).reaches(ETH0, HOP)


def taken(there, route):
    return OnLink(there).taken(route)


def foreign(prefix, via=None, **fields):
    return make.route(prefix, via, protocol=4, **fields)


def test_a_device_reaches_what_lies_in_the_prefix_of_its_address():
    assert OnLink(make.snapshot()).reaches(ETH0, HOP)


@pytest.mark.parametrize("prefix", ["10.4.7.22/32", "10.4.0.0/16", "0.0.0.0/0"])
def test_a_device_reaches_what_a_route_without_a_next_hop_leads_to(prefix):
    assert reached(foreign(prefix))


def test_a_device_does_not_reach_what_its_address_has_no_prefix_for():
    assert not reached()


def test_of_two_routes_of_a_device_the_longer_prefix_decides():
    assert not reached(foreign("10.4.0.0/16"), foreign("10.4.7.0/24", "10.4.7.254"))


def test_a_route_by_another_device_does_not_matter():
    assert reached(foreign("10.4.0.0/16"), foreign("10.4.7.0/24", dev="docker0"))


def test_of_two_routes_to_a_prefix_the_lower_metric_decides():
    assert reached(foreign("10.4.7.0/24", "10.4.7.254", metric=9), foreign("10.4.7.0/24"))


def test_a_route_to_a_next_hop_that_is_not_on_link_is_taken_as_one_that_says_it_is():
    assert taken(NARROW, make.route()) == replace(make.route(), onlink=True)


def test_a_route_to_a_next_hop_on_link_is_taken_as_it_is():
    assert taken(make.snapshot(), make.route()) == make.route()


def test_a_route_through_a_tunnel_of_ours_is_taken_as_it_is():
    assert taken(make.snapshot("", tunnels.link()), tunnels.route()) == tunnels.route()


def test_where_no_address_is_known_a_route_is_taken_as_it_is():
    assert taken(NARROW.replace(LinkAddress, ()), make.route()) == make.route()
