"""Packets made by hand, sent into a node of a lab, and seen by its neighbours or by the node itself.

A packet carries a token that no rule changes. Of where it was seen the sighting with the highest TTL counts: it is the
one next to the node.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from netplan.lab import Lab
from netplan.net import Address
from tests.lab.inside import inside

ICMP, TCP, UDP = 1, 6, 17
PACKET_HOST: Final = 0

_EVERYTHING: Final = (socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
_BY_HAND: Final = (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

_ECHO_REQUEST: Final = 8
_UNREACHABLE: Final = 3
_RST: Final = 0x04
_NO_WAY: Final = frozenset({errno.EACCES, errno.EHOSTUNREACH, errno.ENETUNREACH})
_PKTINFO: Final = 8  # ip(7), IP_PKTINFO: which the module socket has in Python 3.14
_QUIET: Final = 0.02
_PATIENCE: Final = 0.6


@dataclass(frozen=True)
class Sent:
    """A packet to send from a host; a source of None is left to the kernel, which chooses `guess`."""

    host: str
    source: Address | None
    destination: Address
    protocol: int
    sport: int
    dport: int
    token: int
    guess: Address | None = None

    def __str__(self) -> str:
        protocol = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}[self.protocol]
        return f"{self.host}: {protocol} {self.source}:{self.sport} -> {self.destination}:{self.dport}"

    @property
    def packed(self) -> bytes:
        """The packet as a raw socket takes it."""
        payload = b"podnet" + self.token.to_bytes(4, "big")
        if self.protocol == ICMP:
            body = struct.pack("!BBHHH", 8, 0, 0, self.sport, 1) + payload
            body = body[:2] + _checksum(body) + body[4:]
        elif self.protocol == UDP:
            body = struct.pack("!HHHH", self.sport, self.dport, 8 + len(payload), 0) + payload
        else:
            body = struct.pack("!HHIIBBHHH", self.sport, self.dport, self.token, 0, 0x50, 0x02, 1024, 0, 0) + payload
            pseudo = (
                (self.source or self.guess or Address(4, 0)).packed
                + self.destination.packed
                + struct.pack("!BBH", 0, TCP, len(body))
            )
            body = body[:16] + _checksum(pseudo + body) + body[18:]
        source = bytes(4) if self.source is None else self.source.packed
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, self.protocol, 0)
        return head + source + self.destination.packed + body


class Sighting(NamedTuple):
    """Where a packet was seen, and what it looked like."""

    ttl: int
    host: str
    source: Address
    destination: Address


class Outcome(NamedTuple):
    """What became of a packet: where it was seen first, or whether an error came back."""

    seen: Sighting | None
    refused: bool


def _checksum(data: bytes) -> bytes:
    total = int(sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))))
    total = (total & 0xFFFF) + (total >> 16)
    return (~(total + (total >> 16)) & 0xFFFF).to_bytes(2, "big")


class Crossing:
    """The sockets around one node: those that send, those of its neighbours that see what it lets out, and its own."""

    def __init__(self, lab: Lab, node: str, neighbours: Iterable[str], senders: Iterable[str]) -> None:
        self._node = node
        self._watching = {_socket(lab, host, _EVERYTHING): host for host in neighbours}
        self._errors = _socket(lab, node, _EVERYTHING)
        self._own = [_socket(lab, node, (socket.AF_INET, socket.SOCK_RAW, kind)) for kind in (ICMP, TCP, UDP)]
        self._senders = {host: _socket(lab, host, _BY_HAND) for host in senders}

    def close(self) -> None:
        """Close all sockets."""
        for each in [*self._watching, self._errors, *self._own, *self._senders.values()]:
            each.close()

    def send(self, packets: Iterable[Sent], expected: set[int]) -> dict[int, Outcome]:
        """Send packets and say what became of each; those `expected` to arrive somewhere are waited for."""
        sent = {packet.token: packet for packet in packets}
        sightings: dict[int, list[Sighting]] = {token: [] for token in sent}
        errors: set[int] = set()
        for packet in sent.values():
            try:
                self._send(packet)
            except OSError as error:  # rules of the node's own OUTPUT say EPERM, blackholes EINVAL
                if error.errno in _NO_WAY:
                    errors.add(packet.token)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            quiet = not self._look(sightings, errors)
            if quiet and all(sightings[token] or token in errors for token in expected):
                break
        return {
            token: Outcome(max(seen, default=None, key=lambda each: each.ttl), token in errors)
            for token, seen in sightings.items()
        }

    def _send(self, packet: Sent) -> None:
        """Send a packet; the node itself tells the kernel the source also for its look-up of the route."""
        bound = packet.source if packet.host == self._node else None
        told = [] if bound is None else [(socket.IPPROTO_IP, _PKTINFO, bytes(4) + bound.packed + bytes(4))]
        self._senders[packet.host].sendmsg([packet.packed], told, 0, (str(packet.destination), 0))

    def _look(self, sightings: dict[int, list[Sighting]], errors: set[int]) -> bool:
        """Read what came; whether anything did."""
        watched = [*self._watching, *self._own, self._errors]
        ready, _, _ = select.select(watched, [], [], _QUIET)
        for each in ready:
            data, address = each.recvfrom(4096)
            if each is self._errors:
                if address[0] == "lo":
                    _note(data, None, sightings, errors)
            elif each in self._own:
                _note(data, self._node, sightings, errors)
            elif address[2] == PACKET_HOST and address[0] == "eth0":
                _note(data, self._watching[each], sightings, errors)
        return bool(ready)


def _note(data: bytes, host: str | None, sightings: dict[int, list[Sighting]], errors: set[int]) -> None:
    """Note a packet that carries a token, or an error about one."""
    body = data[(data[0] & 0xF) * 4 :]
    protocol = data[9]
    at = data.find(b"podnet")
    if protocol == TCP and len(body) >= 20 and body[13] & _RST:
        token = struct.unpack("!I", body[8:12])[0] - 1 - 10
        errors.update({token} & sightings.keys())
    elif at < 0 or (token := int.from_bytes(data[at + 6 : at + 10], "big")) not in sightings:
        return
    elif protocol == ICMP and body[0] == _UNREACHABLE:
        errors.add(token)
    elif host is not None and (protocol != ICMP or body[0] == _ECHO_REQUEST):
        source, destination = (int.from_bytes(data[start : start + 4], "big") for start in (12, 16))
        sightings[token].append(Sighting(data[8], host, Address(4, source), Address(4, destination)))


def _socket(lab: Lab, host: str, kind: tuple[int, int, int]) -> socket.socket:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inside(lab, host, _make, theirs, *kind)
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    return socket.socket(fileno=descriptors[0])


def _make(channel: socket.socket, family: int, kind: int, protocol: int) -> None:
    with socket.socket(family, kind, protocol) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        socket.send_fds(channel, [b"."], [made.fileno()])
