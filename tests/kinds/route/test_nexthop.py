"""Routes by next-hop objects: the same routes, and no object outlives them."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.errors import KernelError
from netplan.kinds.link import driver as links
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.resource import Change
from netplan.kinds.route import driver
from netplan.kinds.route.value import Hop, Route
from netplan.net import Address, IfName, Prefix
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.route import NEXTHOP
from netplan.system.netlink.wire import ROUTE
from tests import make
from tests.scratch import in_scratch

NODE = """
ip link set lo up
ip link add eth0 type veth peer name p0
ip link add eth1 type veth peer name p1
for device in eth0 p0 eth1 p1; do ip link set $device up; done
ip address add 10.4.7.21/24 dev eth0
"""
NEVER, ALWAYS = 1_000_000, 1
FOREIGN = "ip nexthop add id 7 via 10.4.7.9 dev eth0 proto static"


class OldChannel(Channel):
    """A channel to a kernel before Linux 5.3."""

    def dump(self, kind, payload, most=None):
        if kind == NEXTHOP.get:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return super().dump(kind, payload, most)


def interrupted_channel(after):
    """Make channels that are interrupted when so many batches of requests have been sent."""

    class InterruptedChannel(Channel):
        writes = 0

        def write(self, requests):
            self.writes += 1
            refused = super().write(requests)
            if self.writes == after:
                raise KeyboardInterrupt
            return refused

    return InterruptedChannel


def shell(script):
    return subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True).stdout


def write(*changes, many=NEVER, kind=Channel):
    with kind(ROUTE) as channel:
        driver.write(Writing(channel, links.indexes(channel), many), changes)


def add(*routes, **options):
    write(*(Change(None, route, make.WHY) for route in routes), **options)


def delete(*routes, **options):
    write(*(Change(route, None, make.WHY) for route in routes), **options)


def ours(version=4):
    """Read our routes of an IP version."""
    with Channel(ROUTE) as channel:
        routes = driver.observe(Reading(channel, links.devices(channel)))
        return sorted((route for route in routes if route.ours and route.prefix.version == version), key=str)


def on_a_node(function, *arguments):
    """Call a function on a node of its own, and return its result, then our routes and all objects."""

    def run():
        shell(NODE)
        returned = function(*arguments)
        return returned, ours(), shell("ip nexthop")

    return in_scratch(run)


def some(count):
    return [make.route(f"172.7.{number}.0/24", f"10.4.7.{number}") for number in range(30, 30 + count)]


def _route(number, gateway, device, metric, *, onlink, blackhole):
    if blackhole:
        return Route(Prefix.parse(f"172.7.{number}.0/24"), type="blackhole", metric=metric)
    next_hop = None if gateway is None else Address.parse(f"10.4.7.{gateway}")
    onlink = next_hop is not None and (onlink or device == "eth1")
    return Route(Prefix.parse(f"172.7.{number}.0/24"), IfName(device), next_hop, metric=metric, onlink=onlink)


routes = st.lists(
    st.builds(
        _route,
        st.integers(30, 35),
        st.none() | st.integers(30, 35),
        st.sampled_from(("eth0", "eth1")),
        st.sampled_from((0, 5)),
        onlink=st.booleans(),
        blackhole=st.sampled_from((False, False, True)),
    ),
    unique_by=lambda route: route.key,
    max_size=8,
)


def apply_both(first, second, many):
    """Go from nothing to some routes, and on to others."""
    add(*first, many=many)
    here = ours()
    known = {route.key: route for route in here}
    write(*(Change(known.get(route.key), route, make.WHY) for route in second if route not in here), many=many)
    keys = {route.key for route in second}
    delete(*(route for route in here if route.key not in keys), many=many)
    return here, shell("ip route show proto 112 | sed 's/ nhid [0-9]*//' | sort")


@settings(deadline=None, max_examples=40)
@given(routes, routes)
def test_with_and_without_objects_the_same_routes_are_left_and_read(first, second):
    plain, _, none = on_a_node(apply_both, first, second, NEVER)
    through, remaining, _ = on_a_node(apply_both, first, second, ALWAYS)
    assert (through, none) == (plain, "")
    assert remaining == sorted(second, key=str)


def test_many_gateways_of_one_device_get_objects_of_ours():
    _, _, objects = on_a_node(lambda: add(*some(3), many=3))
    assert [line.split(" ", 2)[2] for line in objects.splitlines()] == [
        f"via 10.4.7.{number} dev eth0 scope link proto 112 " for number in (30, 31, 32)
    ]


def test_fewer_gateways_get_none():
    assert on_a_node(lambda: add(*some(3), many=4)) == (None, some(3), "")


def test_an_object_goes_with_the_last_route_that_uses_it():
    def run():
        other = make.route("172.7.99.0/24", "10.4.7.30")
        add(*some(2), other, many=ALWAYS)
        delete(*some(2))
        before = shell("ip nexthop")
        delete(other)
        return before.count("\n")

    assert on_a_node(run) == (1, [], "")


def test_a_route_without_an_object_is_deleted_though_there_is_one_of_its_way():
    def run():
        first, second = some(2)
        add(first, many=NEVER)
        add(replace(second, next_hop=first.next_hop), many=ALWAYS)
        delete(first)

    _, remaining, _ = on_a_node(run)
    assert [str(route.prefix) for route in remaining] == ["172.7.31.0/24"]


def test_an_object_that_a_route_of_others_uses_stays():
    def run():
        add(*some(1), many=ALWAYS)
        number = shell("ip nexthop").split()[1]
        shell(f"ip route add 192.0.2.0/24 nhid {number}")
        delete(*some(1))
        return shell("ip route show 192.0.2.0/24").split()[0]

    prefix, _, objects = on_a_node(run)
    assert (prefix, objects.count("\n")) == ("192.0.2.0/24", 1)


def test_an_object_of_a_group_of_others_stays():
    def run():
        add(*some(1), many=ALWAYS)
        shell(f"ip nexthop add id 9 group {shell('ip nexthop').split()[1]}")
        delete(*some(1))

    assert on_a_node(run)[2].count("\n") == 2


def test_objects_of_others_stay_and_are_not_used():
    def run():
        shell(FOREIGN)
        route = make.route(via="10.4.7.9")
        add(route, many=ALWAYS)
        delete(route)

    assert on_a_node(run)[2].startswith("id 7 ")


def test_routes_by_objects_are_read_where_the_kernel_tells_no_more_than_their_numbers():
    def run():
        add(*some(2), many=ALWAYS)
        shell("ip nexthop add id 1 via 10.4.7.40 dev eth0; ip nexthop add id 2 via 10.4.7.41 dev eth1 onlink")
        shell("ip nexthop add id 3 group 1,5/2; ip route add 172.7.40.0/24 nhid 3 proto 112")
        Path("/proc/sys/net/ipv4/nexthop_compat_mode").write_text("0")

    _, remaining, _ = on_a_node(run)
    other = Hop(IfName("eth1"), Address.parse("10.4.7.41"), onlink=True)
    hops = (Hop(IfName("eth0"), Address.parse("10.4.7.40"), 5), other)
    assert remaining == [*some(2), Route(Prefix.parse("172.7.40.0/24"), hops=hops)]


@pytest.mark.parametrize(
    ("family", "prefix", "near", "far"),
    [(4, "172.7.40.0/24", "10.4.7.40", "10.9.9.9"), (6, "fd00:7:0:40::/64", "fd00:a::40", "fd00:9::9")],
    ids=["IPv4", "IPv6"],
)
def test_a_way_of_several_that_its_device_does_not_reach_is_kept_onlink(family, prefix, near, far):
    ways = f"nexthop via {far} dev eth1 onlink nexthop via {near} dev eth0"

    def run():
        shell("ip address add fd00:a::21/64 dev eth0 nodad")
        shell(f"ip -{family} route add {prefix} metric 1024 proto 112 {ways}")
        (route,) = ours(family)
        delete(route)
        add(Route.from_json(route.to_json()))
        return [(hop.next_hop, hop.onlink) for route in ours(family) for hop in route.hops]

    assert on_a_node(run)[0] == [(Address.parse(far), True), (Address.parse(near), False)]


def test_a_kernel_without_objects_gets_plain_routes():
    assert on_a_node(lambda: add(*some(2), many=ALWAYS, kind=OldChannel)) == (None, some(2), "")


def test_a_route_whose_object_is_refused_is_named():
    route = make.route(via="10.99.0.1")
    with pytest.raises(KernelError, match=r"route 172\.7\.22\.0/24 via 10\.99\.0\.1 dev eth0 .*not on-link"):
        on_a_node(lambda: add(*some(1), route, many=ALWAYS))


@pytest.mark.parametrize(("after", "count"), [(1, 0), (2, 3)], ids=["objects", "routes"])
def test_an_interrupt_leaves_no_object_without_a_route(after, count):
    def run():
        with pytest.raises(KeyboardInterrupt):
            add(*some(3), many=ALWAYS, kind=interrupted_channel(after))

    _, remaining, objects = on_a_node(run)
    assert (len(remaining), objects.count("\n")) == (count, count)


def test_a_sweep_deletes_objects_of_ours_that_no_route_uses_and_no_others():
    def run():
        add(*some(2), many=ALWAYS)
        shell(f"ip nexthop add id 9 via 10.4.7.99 dev eth0 proto 112; {FOREIGN}")
        with Channel(ROUTE) as channel:
            driver.sweep(channel)

    _, remaining, objects = on_a_node(run)
    assert (remaining, "id 9 " in objects, "id 7 " in objects, objects.count("\n")) == (some(2), False, True, 3)


def test_there_is_nothing_to_sweep_on_a_kernel_without_objects():
    def run():
        with OldChannel(ROUTE) as channel:
            driver.sweep(channel)

    assert on_a_node(run) == (None, [], "")
