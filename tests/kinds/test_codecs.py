"""Our codecs and pyroute2's, of either side what the other wrote, for both address families."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.kinds.address import codec as addresses
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.fdb import codec as fdb
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link import codec as links
from netplan.kinds.link.value import Link, Vxlan
from netplan.kinds.neighbour import codec as neighbours
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.policy import codec as policies
from netplan.kinds.policy.value import ACTIONS, PolicyRule
from netplan.kinds.route import codec as routes
from netplan.kinds.route.value import Hop, Route
from netplan.net import Address, IfName, InterfaceAddress, LinkLayerAddress
from netplan.netfilter.iptables.operands import Masked
from netplan.system.netlink.route import ADDRESS, LINK, NEIGHBOUR, ROUTE, RULE
from netplan.system.netlink.wire import APPEND, EXCLUSIVE, REPLACE
from tests.kinds import pyroute

BITS = {4: 32, 6: 128}
LINKS = {index: Link(IfName(name), 1500, up=True, type="vxlan") for name, index in pyroute.INDEXES.items()}
NAMES = {link.name: index for index, link in LINKS.items()}

versions = st.sampled_from((4, 6))
devices = st.sampled_from(sorted(NAMES))
lladdrs = st.binary(min_size=6, max_size=6).map(lambda data: LinkLayerAddress(data.hex(":")))


def addresses_of(version):
    return st.integers(0, (1 << BITS[version]) - 1).map(lambda value: Address(version, value))


def prefixes_of(version, shortest=0):
    lengths = st.integers(shortest, BITS[version])
    return st.builds(lambda address, length: InterfaceAddress(address, length).prefix, addresses_of(version), lengths)


any_address = versions.flatmap(addresses_of)


@st.composite
def any_route(draw):
    version = draw(versions)
    next_hops = st.none() | addresses_of(version) | (any_address if version == 4 else st.nothing())
    hops = draw(st.lists(st.builds(Hop, devices, next_hops, st.integers(1, 256)), max_size=3))
    return Route(
        draw(prefixes_of(version)),
        None if hops else draw(st.none() | devices),
        None if hops else draw(next_hops),
        table=draw(st.sampled_from((253, 254, 255, 1, 256, 100_000))),
        metric=draw(st.integers(0, 0xFFFFFFFF)),
        protocol=draw(st.integers(0, 255)),
        type=draw(st.sampled_from(sorted(pyroute.TYPES))),
        prefsrc=draw(st.none() | addresses_of(version)),
        hops=tuple(hops),
        tos=draw(st.integers(0, 255)),
        onlink=draw(st.booleans()),
    )


link_addresses = st.builds(
    LinkAddress,
    devices,
    versions.flatmap(lambda v: st.builds(InterfaceAddress, addresses_of(v), st.integers(0, BITS[v]))),
    st.sampled_from((0, 253, 254)),
)
behind = st.builds(Neighbour, devices, any_address, lladdrs)
entries = st.builds(FdbEntry, devices, lladdrs, any_address)
tunnels = st.builds(
    lambda mac, vxlan: Link(IfName("podnet.1"), 1450, up=False, type="vxlan", lladdr=mac, vxlan=vxlan),
    lladdrs,
    st.builds(
        Vxlan,
        st.integers(1, 2**24 - 1),
        st.integers(1, 65535),
        st.none() | any_address,
        st.none() | devices,
        st.booleans(),
    ),
)


@st.composite
def any_rule(draw):
    action = draw(st.sampled_from(ACTIONS))
    numbers = st.integers(1, 0xFFFFFFFF)
    return PolicyRule(
        draw(st.integers(0, 0xFFFFFFFF)),
        draw(numbers) if action == "lookup" else 254,
        action,
        draw(st.none() | prefixes_of(4, 1)),
        draw(st.none() | prefixes_of(4, 1)),
        draw(st.integers(0, 255)),
        draw(st.none() | st.builds(Masked, st.integers(0, 0xFFFFFFFF), numbers)),
        draw(st.none() | devices),
        draw(st.none() | devices),
        draw(st.booleans()),
        draw(st.integers(0, 0xFFFFFFFF)),
        draw(st.none() | st.integers(0, 128)),
    )


@given(any_route())
def test_a_route_that_pyroute2_wrote_is_read(route):
    assume(route.type == "unicast" or route.oif != "lo")  # that is how the kernel tells of one without a device
    message = pyroute.written(ROUTE, *pyroute.with_attributes(pyroute.route(route, "universe")))
    assert routes.decode(message, LINKS, {}) == route


@given(any_route(), st.sampled_from([EXCLUSIVE, REPLACE, APPEND, 0]))
def test_a_route_that_is_made_is_read_by_pyroute2(route, how):
    gateways = [route.next_hop, *(hop.next_hop for hop in route.hops)]
    scope = {"local": "host", "unicast": "universe" if any(gateways) else "link"}.get(route.type, "universe")
    fields, attributes = pyroute.route(route, scope)
    assert pyroute.read(ROUTE, routes.encode_new(route, NAMES, None, how), fields) == (fields, attributes)


@given(any_route())
def test_a_route_that_goes_is_read_by_pyroute2(route):
    to_device = route.type == "unicast" and not any([route.next_hop, *(hop.next_hop for hop in route.hops)])
    fields, attributes = pyroute.route(route, "link" if to_device else "nowhere")
    if (
        route.prefix.version == 6
        and route.oif is None
        and route.type in ("blackhole", "unreachable", "prohibit", "throw")
    ):
        attributes["RTA_OIF"] = NAMES[IfName("lo")]
    assert pyroute.read(ROUTE, routes.encode_delete(route, NAMES, None), fields) == (fields, attributes)


@given(link_addresses)
def test_an_address_is_the_same_for_both(address):
    fields, attributes = pyroute.address(address)
    assert addresses.decode(pyroute.written(ADDRESS, fields, attributes), LINKS) == address
    for request in (
        addresses.encode_new(address, NAMES[address.link]),
        addresses.encode_delete(address, NAMES[address.link]),
    ):
        assert pyroute.read(ADDRESS, request, fields) == (fields, attributes)


@given(behind)
def test_a_neighbour_is_the_same_for_both(neighbour):
    fields, attributes = pyroute.neighbour(neighbour)
    assert neighbours.decode(pyroute.written(NEIGHBOUR, fields, attributes), LINKS) == neighbour
    for request in (neighbours.encode_new, neighbours.encode_delete):
        assert pyroute.read(NEIGHBOUR, request(neighbour, NAMES[neighbour.link]), fields) == (fields, attributes)


@given(entries, st.none() | st.integers(1, 65535), st.none() | st.integers(1, 2**24 - 1))
def test_an_entry_that_pyroute2_wrote_is_read_with_all_that_it_says(entry, port, vni):
    fields, attributes = pyroute.fdb(entry)
    says = {name: value for name, value in (("port", port), ("vni", vni)) if value is not None}
    message = pyroute.written(
        NEIGHBOUR, fields, attributes | {f"NDA_{name.upper()}": number for name, number in says.items()}
    )
    options = tuple(f"{name} {value}" for name, value in says.items())
    assert fdb.decode(message, LINKS) == replace(entry, options=options)


@given(entries)
def test_an_entry_that_is_made_is_read_by_pyroute2(entry):
    fields, attributes = pyroute.fdb(entry)
    assert pyroute.read(NEIGHBOUR, fdb.encode_new(entry, NAMES[entry.link]), fields) == (fields, attributes)


@given(entries)
def test_an_entry_goes_whatever_it_says(entry):
    fields, attributes = pyroute.fdb(entry)
    del attributes["NDA_DST"]
    assert pyroute.read(NEIGHBOUR, fdb.encode_delete(entry, NAMES[entry.link]), fields) == (fields, attributes)


@given(tunnels)
def test_a_tunnel_that_is_made_is_read_by_pyroute2(tunnel):
    fields, attributes = pyroute.link(tunnel)
    below = None if tunnel.vxlan.device is None else NAMES[tunnel.vxlan.device]
    assert pyroute.read(LINK, links.encode_new(tunnel, tunnel.vxlan, below), fields) == (fields, attributes)


@given(tunnels, st.booleans(), st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=20))
def test_a_tunnel_that_pyroute2_wrote_is_read(tunnel, up, alias):
    _, attributes = pyroute.link(tunnel)
    more = {"IFLA_MTU": tunnel.mtu} | ({"IFLA_IFALIAS": alias} if alias else {})
    fields = {"index": 3, "flags": int(up)}
    message = pyroute.written(LINK, fields, pyroute.nested(attributes) | more)
    names = {index: link.name for index, link in LINKS.items()}
    assert links.decode(message, names) == replace(tunnel, up=up, alias=alias)


@given(any_rule())
def test_a_rule_that_pyroute2_wrote_is_read(rule):
    assert policies.decode(pyroute.written(RULE, *pyroute.rule(rule))) == rule
