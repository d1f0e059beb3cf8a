"""Which tunnels a socket keeps out, by its port and its IP versions."""

from __future__ import annotations

import pytest

from netplan.kinds.link.value import Vxlan
from netplan.kinds.udp_socket.value import UdpSocket
from netplan.net import Address


@pytest.mark.parametrize(
    ("port", "local", "out"),
    [(8472, "10.0.0.1", True), (8473, "10.0.0.1", False), (8472, "fd00::1", False), (8472, None, True)],
)
def test_a_socket_keeps_out_the_tunnels_of_its_port_and_version(port, local, out):
    vxlan = Vxlan(1, port, None if local is None else Address.parse(local), None)
    assert UdpSocket(8472, frozenset({4}), "dnsmasq (process 7)").shuts_out(vxlan) == out
