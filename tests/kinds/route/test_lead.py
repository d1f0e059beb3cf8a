"""On-link routes of IPv6 whose gateways other routes lead to."""

from __future__ import annotations

import subprocess

import pytest
from msgspec.structs import replace

from netplan.kinds.link.access import Writing
from netplan.kinds.resource import Change
from netplan.kinds.route import driver
from netplan.kinds.route.lead import leads
from netplan.kinds.route.value import Route
from netplan.net import IfName, Prefix
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.wire import ROUTE
from tests import make, tunnels
from tests.scratch import in_scratch

WANTED = replace(tunnels.route("fd00:7:0:22::/64"), metric=1024)
INDEXES = {IfName("eth0"): 2, IfName("podnet.1"): 3}


def led(prefix: str, *devices: int, route: Route = WANTED) -> list[str]:
    return [*map(str, leads([route], {Prefix.parse(prefix): {*devices}}, INDEXES))]


@pytest.mark.parametrize("prefix", ["fd00:7:0:22::/64", "fd00:7::/48", "fd00:7:0:22::/128"])
def test_a_gateway_that_a_route_leads_to_elsewhere_needs_a_route_of_its_own(prefix):
    assert led(prefix, 2) == ["fd00:7:0:22::/128 dev podnet.1 metric 1024"]


@pytest.mark.parametrize(("prefix", "device"), [("::/0", 2), ("fd00:7:0:22::/64", 3), ("fd00:7:0:23::/64", 2)])
def test_default_routes_those_by_the_same_device_and_others_are_in_no_route_s_way(prefix, device):
    assert led(prefix, device) == []


@pytest.mark.parametrize(
    "route", [tunnels.route(), replace(WANTED, onlink=False), make.route("fd00:7:0:22::/64", None, metric=1024)]
)
def test_routes_that_the_kernel_takes_as_they_are_need_none(route):
    assert led("fd00:7::/48", 2, route=route) == []


def in_the_way_of(other: str) -> str:
    """Make a route through a tunnel beside another one that leads to its gateway, and give the routes then."""
    setup = f"""
    ip link add eth0 type veth peer name far; ip link set far up; ip link set eth0 up
    ip address add fd00:4::21/64 dev eth0 nodad
    ip link add podnet.1 type vxlan id 1 dstport 8472 local fd00:4::21 dev eth0 nolearning; ip link set podnet.1 up
    ip -6 route add {other} via fd00:4::22 dev eth0 proto 112
    """
    subprocess.run(["sh", "-ec", setup], check=True)
    there = replace(WANTED, oif=IfName("eth0"), next_hop=None)
    indexes = {IfName(name): number for number, name in _links()}
    with Channel(ROUTE) as channel:
        before = there if other == str(WANTED.prefix) else None
        driver.write(Writing(channel, indexes, driver.MANY), [Change(before, WANTED, make.WHY)])
    looked = subprocess.run(["ip", "-6", "route", "show", "proto", "112"], capture_output=True, text=True, check=True)
    return looked.stdout


def _links() -> list[tuple[int, str]]:
    listed = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [(int(number), name.strip().split("@")[0]) for number, name, _ in (line.split(":", 2) for line in listed)]


def test_a_route_moves_into_a_tunnel_in_one_step_and_nothing_else_is_left():
    lines = in_scratch(in_the_way_of, "fd00:7:0:22::/64").splitlines()
    assert [line.split(" metric")[0] for line in lines] == ["fd00:7:0:22::/64 via fd00:7:0:22:: dev podnet.1"]


def test_a_route_into_a_tunnel_stands_beside_a_wider_one_that_leads_elsewhere():
    lines = in_scratch(in_the_way_of, "fd00:7::/48").splitlines()
    assert [line.split(" metric")[0] for line in lines] == [
        "fd00:7:0:22::/64 via fd00:7:0:22:: dev podnet.1",
        "fd00:7::/48 via fd00:4::22 dev eth0",
    ]
