from __future__ import annotations

from dataclasses import replace

import pytest

from netplan.kinds.link.value import Link
from netplan.net import IfName
from tests import make

NARROW = (
    "packets with DF larger than 1450 from bridge docker0 (1500) are dropped before podnet.1, and others are "
    "fragmented: give docker0 and the pods an MTU of 1450"
)
WIDE = (
    "the kernel will refuse podnet.1 the MTU 1450: eth0 carries 1400, and the tunnel needs 50 itself; "
    "write mtu: 1400 for this node, or backend: mtu: 1350"
)


def warned(backend="{type: vxlan}", **mtus: int) -> tuple[str, ...]:
    state = make.snapshot()
    links = [replace(link, mtu=mtus.get(link.name, 1450)) for link in state.all(Link)]
    return make.plan(state.replace(Link, links), make.spec(backend=backend)).warnings


def test_a_bridge_whose_packets_do_not_fit_into_the_tunnel_is_named():
    assert warned(docker0=1500, eth0=1500) == (NARROW,)


def test_an_interface_that_carries_less_than_the_spec_says_is_named():
    assert warned(eth0=1400) == (WIDE,)


@pytest.mark.parametrize("backend", ["{type: host-gw}", "{type: vxlan, direct_routing: true}"])
def test_where_no_peer_is_behind_a_tunnel_every_packet_fits(backend):
    assert warned(backend, docker0=1500, eth0=1500) == ()


def test_what_fits_is_not_mentioned():
    assert warned(docker0=1450, eth0=1500) == ()


def test_a_bridge_that_is_not_there_is_not_mentioned():
    state = make.snapshot()
    links = [link for link in state.all(Link) if link.name != IfName("docker0")]
    assert make.plan(state.replace(Link, links), make.spec(backend="{type: vxlan}")).warnings == ()
