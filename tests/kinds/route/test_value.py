from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.route.value import Hop, Route
from netplan.net import Address, IfName, Prefix
from tests import make, tunnels

BLACKHOLE = Route(Prefix.parse("10.9.0.0/16"), type="blackhole", table=100, metric=5, protocol=4)
FOR_A_TOS = replace(make.route(), tos=16)
HOPS = (Hop(IfName("eth0"), Address.parse("10.4.7.22"), 2), Hop(None, Address.parse("10.4.7.23"), onlink=True))
BY_HOPS = replace(make.route(via=None), oif=None, hops=HOPS)


@pytest.mark.parametrize(
    ("route", "text"),
    [
        (make.route(), "172.7.22.0/24 via 10.4.7.22 dev eth0"),
        (make.route(via=None), "172.7.22.0/24 dev eth0"),
        (make.route(metric=20), "172.7.22.0/24 via 10.4.7.22 dev eth0 metric 20"),
        (tunnels.route(), "172.7.22.0/24 via 172.7.22.0 dev podnet.1 onlink"),
        (BLACKHOLE, "blackhole 10.9.0.0/16 metric 5 table 100"),
        (FOR_A_TOS, "172.7.22.0/24 tos 0x10 via 10.4.7.22 dev eth0"),
    ],
)
def test_a_route_is_written_as_ip_route_prints_it(route, text):
    assert str(route) == text


def test_routes_of_one_prefix_table_and_metric_exclude_each_other():
    assert make.route().key == make.route(via="10.4.7.9", dev="eth1", protocol=4).key


@pytest.mark.parametrize("other", [make.route(metric=1), make.route("172.7.22.0/25"), BLACKHOLE, FOR_A_TOS])
def test_routes_of_another_prefix_table_tos_or_metric_stand_beside_it(other):
    assert make.route().key != other.key


@pytest.mark.parametrize(("protocol", "ours"), [(112, True), (3, False), (2, False)])
def test_a_route_is_ours_by_its_protocol(protocol, ours):
    assert make.route(protocol=protocol).ours is ours


@pytest.mark.parametrize(("protocol", "installer"), [(2, "the kernel"), (188, "FRR's ospf"), (99, "protocol 99")])
def test_a_foreign_route_says_whose_it_looks_like(protocol, installer):
    assert make.route(protocol=protocol).installer == installer


def test_a_label_names_metric_and_table_where_they_are_not_the_default():
    assert (make.route().label, BLACKHOLE.label) == ("172.7.22.0/24", "10.9.0.0/16 metric 5 table 100")


@pytest.mark.parametrize(
    "route", [make.route(), make.route(via=None), tunnels.route(), BLACKHOLE, FOR_A_TOS, BY_HOPS], ids=str
)
def test_a_route_is_read_back_from_its_json(route):
    assert Route.from_json(route.to_json()) == route


def test_json_tells_of_a_tos_only_where_there_is_one():
    assert ("tos" in make.route().to_json(), FOR_A_TOS.to_json()["tos"]) == (False, 16)


@pytest.mark.parametrize("wrong", [{"dst": "172.7.22.1/24"}, {"dst": None}, {"gateway": 5}, {"metric": "x"}], ids=str)
def test_json_that_is_no_route_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        Route.from_json(make.route().to_json() | wrong)
