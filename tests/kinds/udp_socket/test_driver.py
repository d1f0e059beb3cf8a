"""Which sockets the driver reads, and that the kernel keeps a tunnel out by just these."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import ExitStack

import pytest

from netplan.kinds.link.value import Vxlan
from netplan.kinds.udp_socket import driver
from netplan.net import Address
from tests.scratch import in_scratch

PORT = 8472
DEVICES = """
ip link set lo up
ip link add eth0 type veth peer name eth1
ip address add 10.0.0.1/24 dev eth0
ip address add fd00::1/64 dev eth0 nodad
ip link set eth1 up
ip link set eth0 up
"""
BY_VERSION = {4: "10.0.0.1", 6: "fd00::1"}
REUSE = [(socket.SOL_SOCKET, socket.SO_REUSEADDR), (socket.SOL_SOCKET, socket.SO_REUSEPORT)]
ONLY_IPV6 = [(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)]
SOCKETS = {
    "any address": ("0.0.0.0", []),
    "the node's address": ("10.0.0.1", []),
    "the loopback": ("127.0.0.1", []),
    "one that shares its port": ("0.0.0.0", REUSE),
    "any address of both versions": ("::", []),
    "any address of IPv6 alone": ("::", ONLY_IPV6),
    "an address of IPv6": ("fd00::1", []),
    "an address of IPv4 in one of IPv6": ("::ffff:10.0.0.1", []),
}


def comes_up(version):
    tunnel = f"ip link add v0 type vxlan id 1 local {BY_VERSION[version]} dev eth0 dstport {PORT} nolearning"
    done = subprocess.run(["sh", "-c", f"{tunnel} && ip link set v0 up"], capture_output=True, check=False)
    subprocess.run(["ip", "link", "del", "v0"], check=True)
    return done.returncode == 0


def told_and_done(address, options):
    """Return by IP version whether a socket is said to keep a tunnel out, and whether it does."""
    subprocess.run(["sh", "-ec", DEVICES], check=True)
    with ExitStack() as stack:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        for level, option in options:
            opened.setsockopt(level, option, 1)
        opened.bind((address, PORT))
        (udp_socket,) = driver.observe({PORT, PORT + 1})
        assert f"(process {os.getpid()})" in udp_socket.program
        vxlans = {version: Vxlan(1, PORT, Address.parse(BY_VERSION[version]), None) for version in BY_VERSION}
        return {version: (udp_socket.shuts_out(vxlan), not comes_up(version)) for version, vxlan in vxlans.items()}


@pytest.mark.parametrize("bound", list(SOCKETS))
def test_a_socket_keeps_those_tunnels_out_that_it_is_said_to(bound):
    results = in_scratch(told_and_done, *SOCKETS[bound])
    assert {version for version, (reported, done) in results.items() if reported != done} == set()


def beside_a_tunnel():
    subprocess.run(["sh", "-ec", DEVICES], check=True)
    tunnel = f"ip link add v0 type vxlan id 1 local 10.0.0.1 dev eth0 dstport {PORT}; ip link set v0 up"
    subprocess.run(["sh", "-ec", tunnel], check=True)
    return driver.observe({PORT})


def test_the_socket_of_a_tunnel_is_no_program_s():
    assert in_scratch(beside_a_tunnel) == ()
