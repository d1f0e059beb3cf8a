from __future__ import annotations

import pytest

from netplan.kinds.route.value import Route
from tests.kinds.observed import observed

ROUTES = """
ip link set lo up
ip route add blackhole 10.1.0.0/16
ip route add blackhole 10.1.0.0/16 tos 0x10 metric 5
ip route add blackhole 10.2.0.0/16 table 100 proto static
ip route add blackhole 10.3.0.0/16 table 101 proto static
ip route add blackhole 10.4.0.0/16 table 1001 proto 112
ip route add local 10.5.0.0/16 dev lo table local proto 112
ip rule add from 10.9.0.0/16 lookup 100
"""


@pytest.fixture(scope="module")
def routes(tmp_path_factory):
    """The routes that are read of a kernel with several tables, by their prefixes."""
    observed_routes = map(Route.from_json, observed(ROUTES, tmp_path_factory.mktemp("routes"))["routes"])
    return {(str(route.prefix), route.tos): route for route in observed_routes}


def test_the_main_table_and_those_that_rules_name_are_read_and_ours_of_all(routes):
    places = [(f"10.{number}.0.0/16", 0, table) for number, table in ((1, 254), (2, 100), (4, 1001), (5, 255))]
    assert {(prefix, tos, route.table) for (prefix, tos), route in routes.items()} == {
        *places,
        ("10.1.0.0/16", 16, 254),
    }


def test_a_route_for_a_tos_is_read_with_it(routes):
    assert str(routes["10.1.0.0/16", 16]) == "blackhole 10.1.0.0/16 tos 0x10 metric 5"
