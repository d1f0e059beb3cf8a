"""How a socket is asked for, and which IP versions one takes packets of."""

from __future__ import annotations

import socket

import pytest

from netplan.kinds.udp_socket import codec
from netplan.system.netlink.wire import attribute

MAPPED = bytes(10) + b"\xff\xff\x0a\x00\x00\x01"
OWN = b"\xfd" + bytes(14) + b"\x01"


def message(family, source, only=0):
    """Make what sock_diag(7) says of a socket of inode 7."""
    head = bytes([family, 7, 0, 0]) + (8472).to_bytes(2, "big") + bytes(2) + source.ljust(16, b"\0")
    return head.ljust(68, b"\0") + b"\x07\0\0\0" + attribute(11, bytes([only]))


@pytest.mark.parametrize(
    ("reply", "versions"),
    [
        (message(socket.AF_INET, b"\x7f\0\0\x01"), {4}),
        (message(socket.AF_INET6, bytes(16)), {4, 6}),
        (message(socket.AF_INET6, bytes(16), only=1), {6}),
        (message(socket.AF_INET6, OWN), {6}),
        (message(socket.AF_INET6, MAPPED), {4}),
    ],
)
def test_a_socket_takes_packets_of_the_versions_that_its_address_is_of(reply, versions):
    assert codec.decode(reply) == codec.SocketEntry(7, frozenset(versions))


def test_a_request_names_the_family_the_protocol_and_the_port():
    request = codec.request(6, 8472)
    assert (len(request), request[:2], request[8:10]) == (56, bytes([socket.AF_INET6, socket.IPPROTO_UDP]), b"\x21\x18")
