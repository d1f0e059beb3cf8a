"""Routes as messages: ours and pyroute2's, of either side what the other wrote, and next hops by objects."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from netplan.kinds.route import codec as routes
from netplan.kinds.route.nexthop import NextHopObject
from netplan.kinds.route.value import Hop, Route
from netplan.net import Address, IfName, Prefix
from netplan.system.netlink.route import ROUTE, message_of
from netplan.system.netlink.wire import APPEND, EXCLUSIVE, REPLACE
from tests import make
from tests.kinds import drawn, pyroute


@st.composite
def any_route(draw):
    version = draw(drawn.versions)
    next_hops = st.none() | drawn.addresses_of(version) | (drawn.any_address if version == 4 else st.nothing())
    hops = draw(st.lists(st.builds(Hop, drawn.devices, next_hops, st.integers(1, 256)), max_size=3))
    return Route(
        draw(drawn.prefixes_of(version)),
        None if hops else draw(st.none() | drawn.devices),
        None if hops else draw(next_hops),
        table=draw(st.sampled_from((253, 254, 255, 1, 256, 100_000))),
        metric=draw(st.integers(0, 0xFFFFFFFF)),
        protocol=draw(st.integers(0, 255)),
        type=draw(st.sampled_from(sorted(pyroute.TYPES))),
        prefsrc=draw(st.none() | drawn.addresses_of(version)),
        hops=tuple(hops),
        tos=draw(st.integers(0, 255)),
        onlink=draw(st.booleans()),
    )


@given(any_route())
def test_a_route_that_pyroute2_wrote_is_read(route):
    assume(route.type == "unicast" or route.oif != "lo")  # that is how the kernel tells of one without a device
    message = pyroute.written(ROUTE, *pyroute.with_attributes(pyroute.route(route, "universe")))
    assert routes.decode(message, drawn.LINKS, {}) == route


@given(any_route(), st.sampled_from([EXCLUSIVE, REPLACE, APPEND, 0]))
def test_a_route_that_is_made_is_read_by_pyroute2(route, how):
    gateways = [route.next_hop, *(hop.next_hop for hop in route.hops)]
    scope = {"local": "host", "unicast": "universe" if any(gateways) else "link"}.get(route.type, "universe")
    fields, attributes = pyroute.route(route, scope)
    assert pyroute.read(ROUTE, routes.encode_new(route, drawn.NAMES, None, how), fields) == (fields, attributes)


@given(any_route())
def test_a_route_that_goes_is_read_by_pyroute2(route):
    to_device = route.type == "unicast" and not any([route.next_hop, *(hop.next_hop for hop in route.hops)])
    fields, attributes = pyroute.route(route, "link" if to_device else "nowhere")
    if (
        route.prefix.version == 6
        and route.oif is None
        and route.type in ("blackhole", "unreachable", "prohibit", "throw")
    ):
        attributes["RTA_OIF"] = drawn.NAMES[IfName("lo")]
    assert pyroute.read(ROUTE, routes.encode_delete(route, drawn.NAMES, None), fields) == (fields, attributes)


@pytest.mark.parametrize("version", [4, 6])
def test_the_routes_of_an_ip_version_are_asked_for_in_all_tables(version):
    fields = {"family": pyroute.FAMILIES[version], "table": 0, "dst_len": 0}
    assert pyroute.read(ROUTE, drawn.get_request(ROUTE, routes.dump_request(version)), fields) == (fields, {})


def reported(route, *, number=None, type_=None):
    """Return the message of a route, by a next-hop object if it has the number of one."""
    message = message_of(ROUTE, routes.encode_new(route, drawn.NAMES, number, 0).payload)
    return (
        message if type_ is None else type(message)((*message.fields[:7], type_, message.fields[8]), message.attributes)
    )


GATEWAY = Address.parse("10.4.7.22")
OBJECTS = {
    7: NextHopObject(7, 112, 2, GATEWAY, onlink=True),
    8: NextHopObject(8, 112, 2, Address.parse("10.4.7.23"), onlink=False),
    9: NextHopObject(9, 112, 0, None, onlink=False, members=((7, 1), (8, 3), (99, 1))),
}
VIA_OBJECT = make.route("172.7.22.0/24", None, None)


def test_a_route_by_an_object_is_read_with_the_next_hop_of_that():
    assert routes.decode(reported(VIA_OBJECT, number=7), drawn.LINKS, OBJECTS) == Route(
        VIA_OBJECT.prefix, IfName("eth0"), GATEWAY, onlink=True
    )


def test_a_route_by_a_group_has_a_hop_for_each_member_that_is_there():
    hops = (Hop(IfName("eth0"), GATEWAY, 1, onlink=True), Hop(IfName("eth0"), Address.parse("10.4.7.23"), 3))
    assert routes.decode(reported(VIA_OBJECT, number=9), drawn.LINKS, OBJECTS) == Route(VIA_OBJECT.prefix, hops=hops)


def test_a_route_by_an_object_that_was_deleted_leads_nowhere():
    assert routes.decode(reported(VIA_OBJECT, number=1), drawn.LINKS, OBJECTS) == Route(VIA_OBJECT.prefix)


@pytest.mark.parametrize(("number", "used"), [(None, None), (7, 7)])
def test_the_object_that_a_route_uses_is_known_by_its_number(number, used):
    message = reported(VIA_OBJECT, number=number)
    assert (routes.uses(message), routes.refers(message)) == (used, used is not None)


def test_a_route_that_names_its_device_too_needs_no_object():
    named = reported(make.route(), number=7)
    assert not routes.refers(type(named)(named.fields, {**named.attributes, 4: b"\2\0\0\0"}))


@pytest.mark.parametrize(("table", "protocol", "wanted"), [(254, 2, True), (100, 2, False), (100, 112, True)])
def test_routes_of_the_tables_that_are_looked_up_are_of_interest_and_ours(table, protocol, wanted):
    route = Route(Prefix.parse("172.7.22.0/24"), IfName("eth0"), table=table, protocol=protocol)
    assert routes.is_of(reported(route), {254, 255}) is wanted


@pytest.mark.parametrize(("device", "index"), [("eth0", 2), (None, 0)])
def test_the_prefix_and_the_device_of_a_route_are_told_without_the_rest(device, index):
    route = Route(Prefix.parse("172.7.22.0/24"), device and IfName(device))
    assert routes.prefix_and_device(reported(route)) == (route.prefix, index)


def test_what_leads_nowhere_has_no_device_though_ipv6_says_the_loopback():
    route = Route(Prefix.parse("fd00:7::/48"), IfName("lo"), type="unreachable")
    assert routes.decode(reported(route), drawn.LINKS, {}).oif is None


def test_a_type_that_has_no_name_is_its_number_and_is_written_as_that():
    message = reported(make.route(), type_=99)
    route = routes.decode(message, drawn.LINKS, {})
    assert (route.type, reported(route).fields) == ("99", message.fields)


def marked(route, flags):
    """Return the message of a route whose only way, or first one, has some flags of the kernel's."""
    message = reported(route)
    attributes = dict(message.attributes)
    if route.hops:
        attributes[9] = attributes[9][:2] + bytes([flags]) + attributes[9][3:]
        return type(message)(message.fields, attributes)
    return type(message)((*message.fields[:8], flags), attributes)


@pytest.mark.parametrize("hops", [(), (Hop(IfName("eth0"), GATEWAY), Hop(IfName("podnet.1"), GATEWAY))])
@pytest.mark.parametrize(("flags", "devices"), [(0x11, (2,)), (0x10, ()), (0x01, ())])
def test_a_device_without_carrier_is_told_where_its_routes_are_dead(hops, flags, devices):
    route = Route(Prefix.parse("172.7.22.0/24"), None if hops else IfName("eth0"), hops=hops)
    assert routes.out_of_use(marked(route, flags)) == devices


def test_what_leads_to_no_device_is_by_none_that_is_out_of_use():
    assert routes.out_of_use(marked(VIA_OBJECT, 0x11)) == ()
