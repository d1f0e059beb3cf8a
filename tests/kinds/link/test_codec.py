"""Devices as messages: ours and pyroute2's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.kinds.link import codec as links
from netplan.kinds.link.value import Link, Vxlan
from netplan.net import IfName, LinkLayerAddress
from netplan.system.netlink.route import LINK, message_of
from tests import tunnels
from tests.kinds import drawn, pyroute

drawn_tunnels = st.builds(
    lambda mac, vxlan: Link(IfName("podnet.1"), 1450, up=False, type="vxlan", lladdr=mac, vxlan=vxlan),
    drawn.lladdrs,
    st.builds(
        Vxlan,
        st.integers(1, 2**24 - 1),
        st.integers(1, 65535),
        st.none() | drawn.any_address,
        st.none() | drawn.devices,
        st.booleans(),
    ),
)


@given(drawn_tunnels)
def test_a_tunnel_that_is_made_is_read_by_pyroute2(tunnel):
    fields, attributes = pyroute.link(tunnel)
    below = None if tunnel.vxlan.device is None else drawn.NAMES[tunnel.vxlan.device]
    assert pyroute.read(LINK, links.encode_new(tunnel, tunnel.vxlan, below), fields) == (fields, attributes)


@given(drawn_tunnels, st.booleans(), st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=20))
def test_a_tunnel_that_pyroute2_wrote_is_read(tunnel, up, alias):
    _, attributes = pyroute.link(tunnel)
    more = {"IFLA_MTU": tunnel.mtu} | ({"IFLA_IFALIAS": alias} if alias else {})
    fields = {"index": 3, "flags": int(up)}
    message = pyroute.written(LINK, fields, pyroute.nested(attributes) | more)
    names = {index: link.name for index, link in drawn.LINKS.items()}
    assert links.decode(message, names) == replace(tunnel, up=up, alias=alias)


TUNNEL = tunnels.link()
CHANGED = {"index": 3, "flags": 0, "change": 0}


@pytest.mark.parametrize(
    ("after", "fields", "attributes"),
    [
        (TUNNEL, {}, {}),
        (replace(TUNNEL, alias="x"), {}, {"IFLA_IFALIAS": "x"}),
        (replace(TUNNEL, mtu=1400), {}, {"IFLA_MTU": 1400}),
        (replace(TUNNEL, lladdr=LinkLayerAddress(tunnels.PEER_MAC)), {}, {"IFLA_ADDRESS": tunnels.PEER_MAC}),
        (replace(TUNNEL, up=False), {"change": 1}, {}),
    ],
)
def test_only_what_differs_is_changed(after, fields, attributes):
    assert pyroute.read(LINK, links.changed(TUNNEL, after, 3), CHANGED) == (CHANGED | fields, attributes)


def test_all_that_can_be_set_is_set_of_a_device_that_was_just_made():
    attributes = {"IFLA_IFALIAS": "podnet", "IFLA_MTU": 1450, "IFLA_ADDRESS": tunnels.MAC}
    request = links.changed(None, TUNNEL, 3)
    assert pyroute.read(LINK, request, CHANGED) == ({"index": 3, "flags": 1, "change": 1}, attributes)


def test_a_device_is_deleted_by_its_index():
    request = links.encode_delete(3)
    assert (request.kind, pyroute.read(LINK, request, {"index": 3})) == (LINK.delete, ({"index": 3}, {}))


@pytest.mark.parametrize("name", ["eth0", "caf\udce9"])
def test_a_device_is_asked_for_by_its_name_whatever_bytes_that_has(name):
    message = message_of(LINK, links.named(IfName(name)))
    assert (links.name(message), links.index(message)) == (name, 0)


def test_devices_are_asked_for_without_their_counters():
    """RTEXT_FILTER_SKIP_STATS, linux/rtnetlink.h."""
    request = drawn.get_request(LINK, links.ALL, links.BRIEFLY)
    assert pyroute.read(LINK, request, {"index": 0}) == ({"index": 0}, {"IFLA_EXT_MASK": 8})
