"""Packets between hosts of a lab, sent and received by the test itself.

A socket stays in the network namespace that it was made in, by any process: one can hold both ends.
"""

from __future__ import annotations

import socket
from contextlib import closing

from netplan.lab import Lab
from netplan.system.netlink.route import FAMILIES
from tests.lab.inside import inside

_ECHO_REQUEST = bytes.fromhex("0800 f7ff 0000 0000")  # type, checksum, id 0, sequence 0
_ECHO_REPLY = 0


def socket_on(
    lab: Lab, host: str, kind: int = socket.SOCK_STREAM, protocol: int = 0, *, version: int = 4
) -> socket.socket:
    """Return a socket of a host and an IP version."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inside(lab, host, _send_socket, theirs, FAMILIES[version], kind, protocol)
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    return socket.socket(fileno=descriptors[0])


def _send_socket(channel: socket.socket, family: int, kind: int, protocol: int) -> None:
    with socket.socket(family, kind, protocol) as sender:
        socket.send_fds(channel, [b"."], [sender.fileno()])


def address(lab: Lab, host: str, version: int = 4) -> str:
    """Return a host's first address of an IP version."""
    addresses = (candidate.address for candidate in lab.host(host).addresses)
    return str(next(candidate for candidate in addresses if candidate.version == version))


def pings(lab: Lab, source: str, target: str, timeout: float = 1.0) -> bool:
    """Whether an echo request from a host to an address is answered."""
    with closing(socket_on(lab, source, socket.SOCK_RAW, socket.IPPROTO_ICMP)) as icmp:
        icmp.settimeout(timeout)
        try:
            icmp.connect((target, 0))
            icmp.send(_ECHO_REQUEST)
            while (packet := icmp.recv(2048))[(packet[0] & 0xF) * 4] != _ECHO_REPLY:
                pass
        except OSError:
            return False
    return True


def source_seen(lab: Lab, client: str, server: str, timeout: float = 2.0, *, version: int = 4) -> str:
    """Return the source address that a TCP server on one host sees when another connects; OSError if it can't."""
    ends = (socket_on(lab, host, version=version) for host in (server, client))
    with closing(next(ends)) as listener, closing(next(ends)) as caller:
        listener.bind((address(lab, server, version), 0))
        listener.listen()
        for end in (listener, caller):  # where later packets are lost the caller alone has a connection
            end.settimeout(timeout)
        caller.connect(listener.getsockname())
        connection, peer = listener.accept()
        connection.close()
    return str(peer[0])
