from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.link.value import Link
from netplan.net import IfName
from netplan.planning.migration import fresh_node
from tests import make
from tests.spec.test_families import A6, B6, DUAL, ONLY6, A, B

NARROW = (
    "packets with DF larger than 1450 from bridge docker0 (1500) are dropped before podnet.1, and others are "
    "fragmented: give docker0 and the pods an MTU of 1450"
)


def warned(backend="{type: vxlan}", **mtus: int) -> tuple[str, ...]:
    state = make.snapshot()
    links = [replace(link, mtu=mtus.get(link.name, 1450)) for link in state.all(Link)]
    return make.plan(state.replace(Link, links), make.spec(backend=backend)).warnings


def test_a_bridge_whose_packets_do_not_fit_into_the_tunnel_is_named():
    assert warned(docker0=1500, eth0=1500) == (NARROW,)


@pytest.mark.parametrize("backend", ["{type: host-gw}", "{type: vxlan, direct_routing: true}"])
def test_where_no_peer_is_behind_a_tunnel_every_packet_fits(backend):
    assert warned(backend, docker0=1500, eth0=1500) == ()


def test_a_bridge_whose_packets_do_not_fit_into_the_interface_is_named_where_no_tunnel_is():
    (warning,) = warned("{type: host-gw}", docker0=9000, eth0=1500)
    assert warning.startswith("packets with DF larger than 1500 from bridge docker0 (9000) are dropped before eth0")


@pytest.mark.parametrize(
    ("nodes", "keys", "said"),
    [
        ((A, B), DUAL, "packets of IPv6 or with DF larger than 1450 from bridge docker0 (1500) are dropped before"),
        ((A6, B6), ONLY6, "packets larger than 1430 from bridge docker0 (1500) are dropped before podnet.1: give"),
    ],
)
def test_packets_of_ipv6_are_dropped_with_or_without_df(nodes, keys, said):
    (warning,) = make.plan(make.snapshot(), make.spec(*nodes, **keys, backend="{type: vxlan}")).warnings
    assert warning.startswith(said)


def test_a_move_between_specs_takes_the_interfaces_for_what_the_spec_says():
    spec = make.spec(backend="{type: vxlan}", defaults="{mtu: 9000}")
    node = spec.topology.by_name["a"]
    links = {link.name: link.mtu for link in fresh_node(node, None).all(Link)}
    assert links == {"eth0": 9000, "docker0": 9000}


def test_what_fits_is_not_mentioned():
    assert warned(docker0=1450, eth0=1500) == ()


def test_a_bridge_that_is_not_there_is_not_mentioned():
    state = make.snapshot()
    links = [link for link in state.all(Link) if link.name != IfName("docker0")]
    assert make.plan(state.replace(Link, links), make.spec(backend="{type: vxlan}")).warnings == ()
