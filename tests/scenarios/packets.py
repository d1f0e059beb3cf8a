"""Packets made by hand, sent into a node of a lab, and seen by its neighbours or by the node itself.

A packet carries a token that no rule changes. Of where it was seen the sighting with the highest TTL counts: it is the
one next to the node. Of IPv6, what the node itself sends gets its header from the kernel, and what comes to a socket of
its own has lost it. Hosts answer: their kernels echo requests and refuse connections of TCP, and sockets return what
comes by UDP to some ports.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable, Set
from contextlib import suppress
from typing import Final, NamedTuple

from msgspec import Struct

from netplan.lab import Lab
from netplan.net import Address
from tests.lab.inside import inside

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
ICMP_OF: Final = {4: ICMP, 6: ICMPV6}
PACKET_HOST: Final = 0

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_ETHERTYPES: Final = {4: 0x0800, 6: 0x86DD}
_ECHO_REQUEST: Final = {4: 8, 6: 128}
_ECHO_REPLY: Final = {4: 0, 6: 129}
_UNREACHABLE: Final = {4: 3, 6: 1}
_CHECKSUMS: Final = {TCP: 16, UDP: 6}
_RST: Final = 0x04
_SENT, _RETURNED = b"podnet", b"answer"
_NO_WAY: Final = frozenset({errno.EACCES, errno.EHOSTUNREACH, errno.ENETUNREACH})
_PKTINFO: Final = {4: (socket.IPPROTO_IP, 8), 6: (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)}  # ip(7), ipv6(7)
_RECVPKTINFO: Final = {4: (socket.IPPROTO_IP, 8), 6: (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)}
_QUIET: Final = 0.02
_PATIENCE: Final = 3.0


class Sent(Struct, frozen=True):
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
        protocol = {ICMP: "icmp", ICMPV6: "icmpv6", TCP: "tcp", UDP: "udp"}[self.protocol]
        return f"{self.host}: {protocol} {self.source}:{self.sport} -> {self.destination}:{self.dport}"

    @property
    def packed(self) -> bytes:
        """The packet as a raw socket takes it."""
        body, source = self.body, self.source or Address(self.destination.version, 0)
        if self.destination.version == 6:
            head = struct.pack("!IHBB", 6 << 28, len(body), self.protocol, 64)
        else:
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, self.protocol, 0)
        return head + source.packed + self.destination.packed + body

    @property
    def body(self) -> bytes:
        """What the packet carries, with a checksum; UDP of IPv4 does without one."""
        payload = _SENT + self.token.to_bytes(4, "big")
        if self.protocol in (ICMP, ICMPV6):
            body = struct.pack("!BBHHH", _ECHO_REQUEST[self.destination.version], 0, 0, self.sport, 1) + payload
            return _checked(body, 2, b"" if self.protocol == ICMP else self._pseudo(body))
        if self.protocol == UDP:
            body = struct.pack("!HHHH", self.sport, self.dport, 8 + len(payload), 0) + payload
            return body if self.destination.version == 4 else _checked(body, 6, self._pseudo(body))
        body = struct.pack("!HHIIBBHHH", self.sport, self.dport, self.token, 0, 0x50, 0x02, 1024, 0, 0) + payload
        return _checked(body, 16, self._pseudo(body))

    def _pseudo(self, body: bytes) -> bytes:
        """Return what counts in a checksum besides the body."""
        source = self.source or self.guess or Address(self.destination.version, 0)
        return source.packed + self.destination.packed + struct.pack("!HH", self.protocol, len(body))


class Sighting(NamedTuple):
    """Where a packet was seen, and what it looked like."""

    ttl: int
    host: str
    source: Address
    destination: Address


class Outcome(NamedTuple):
    """What became of a packet: where it was seen first, whether an error came back, and where its answer was seen."""

    seen: Sighting | None
    refused: bool
    answered: Sighting | None = None


class _Noted:
    """What is seen of packets, by their tokens."""

    def __init__(self, tokens: Iterable[int]) -> None:
        self.sightings: dict[int, list[Sighting]] = {token: [] for token in tokens}
        self.answers: dict[int, list[Sighting]] = {token: [] for token in self.sightings}
        self.errors: set[int] = set()

    def outcome(self, token: int) -> Outcome:
        """Return what became of a packet."""
        seen, answered = (
            max(sightings[token], default=None, key=lambda arrival: arrival.ttl)
            for sightings in (self.sightings, self.answers)
        )
        return Outcome(seen, token in self.errors, answered)


def _checked(body: bytes, at: int, pseudo: bytes) -> bytes:
    """Return a body with its checksum, of a pseudo header too."""
    data = pseudo + body
    total = int(sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))))
    total = (total & 0xFFFF) + (total >> 16)
    return body[:at] + (~(total + (total >> 16)) & 0xFFFF).to_bytes(2, "big") + body[at + 2 :]


class Crossing:
    """The sockets around one node: those that send, those of its neighbours that see what it lets out, and its own.

    What comes by UDP to one of some ports of any of these hosts is answered.
    """

    def __init__(
        self,
        lab: Lab,
        node: str,
        neighbours: Iterable[str],
        senders: Iterable[str],
        version: int = 4,
        *,
        ports: Iterable[int] = (),
    ) -> None:
        family, everything = _FAMILIES[version], socket.htons(_ETHERTYPES[version])
        protocols = (ICMP_OF[version], TCP, UDP)
        self._node = node
        self._version = version
        self._watching = {
            _socket(lab, host, (socket.AF_PACKET, socket.SOCK_DGRAM, everything)): host for host in neighbours
        }
        self._errors = _socket(lab, node, (socket.AF_PACKET, socket.SOCK_DGRAM, everything))
        self._own = {_socket(lab, node, (family, socket.SOCK_RAW, number)): number for number in protocols}
        self._senders = {host: _socket(lab, host, (family, socket.SOCK_RAW, socket.IPPROTO_RAW)) for host in senders}
        self._speaking: dict[int, socket.socket] = {}
        self._answering = {
            _socket(lab, host, (family, socket.SOCK_DGRAM, 0), port) for host in self._senders for port in set(ports)
        }
        for sock in self._answering:
            sock.setsockopt(*_RECVPKTINFO[version], 1)
        if version == 6:
            for sock in self._own:
                for option in (socket.IPV6_RECVPKTINFO, socket.IPV6_RECVHOPLIMIT):
                    sock.setsockopt(socket.IPPROTO_IPV6, option, 1)
            self._speaking = {number: _socket(lab, node, (family, socket.SOCK_RAW, number)) for number in protocols}
            for protocol, at in _CHECKSUMS.items():
                self._speaking[protocol].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, at)

    def close(self) -> None:
        """Close all sockets."""
        named = [*self._senders.values(), *self._speaking.values()]
        for sock in [*self._watching, self._errors, *self._own, *self._answering, *named]:
            sock.close()

    def send(self, packets: Iterable[Sent], expected: Set[int], answered: Set[int] = frozenset()) -> dict[int, Outcome]:
        """Send packets and say what became of each; those `expected` somewhere, or `answered`, are waited for."""
        sent = {packet.token: packet for packet in packets}
        noted = _Noted(sent)
        for packet in sent.values():
            try:
                self._send(packet)
            except OSError as error:  # rules of the node's own OUTPUT say EPERM, blackholes EINVAL
                if error.errno in _NO_WAY:
                    noted.errors.add(packet.token)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            quiet = not self._look(noted)
            arrived = all(noted.sightings[token] or token in noted.errors for token in expected)
            if quiet and arrived and all(noted.answers[token] for token in answered):
                break
        return {token: noted.outcome(token) for token in sent}

    def _send(self, packet: Sent) -> None:
        """Send a packet; the node itself tells the kernel the source also for its look-up of the route."""
        here = packet.host == self._node
        ancillary = []
        if here and packet.source is not None:
            known = packet.source.packed
            ancillary = [
                (*_PKTINFO[self._version], bytes(4) + known + bytes(4) if len(known) == 4 else known + bytes(4))
            ]
        if here and self._speaking:
            self._speaking[packet.protocol].sendmsg([packet.body], ancillary, 0, (str(packet.destination), 0))
        else:
            self._senders[packet.host].sendmsg([packet.packed], ancillary, 0, (str(packet.destination), 0))

    def _look(self, noted: _Noted) -> bool:
        """Read what came, and answer it; whether anything did."""
        watched = [*self._watching, *self._own, self._errors, *self._answering]
        ready, _, _ = select.select(watched, [], [], _QUIET)
        for sock in ready:
            data, ancillary, _, address = sock.recvmsg(4096, 256)
            if sock in self._answering:
                self._answer(sock, data, ancillary, address)
            elif sock is self._errors:
                if address[0] == "lo":
                    _note(_seen(data), None, noted)
            elif sock in self._own:
                came = _seen(data) if self._version == 4 else _taken_in(data, ancillary, address, self._own[sock])
                _note(came, self._node, noted)
            elif address[2] == PACKET_HOST and address[0] == "eth0":
                _note(_seen(data), self._watching[sock], noted)
        return bool(ready)

    def _answer(
        self, sock: socket.socket, data: bytes, ancillary: list[tuple[int, int, bytes]], sender: tuple[str, int]
    ) -> None:
        """Answer a packet from the address that the packet went to; a rule may keep the answer from being sent."""
        if _SENT not in data:
            return
        ((level, kind, info),) = ancillary
        destination = bytes(4) + info[8:12] + bytes(4) if self._version == 4 else info[:16] + bytes(4)
        with suppress(OSError):
            sock.sendmsg([data.replace(_SENT, _RETURNED)], [(level, kind, destination)], 0, sender)


class _Seen(NamedTuple):
    """A packet that came."""

    ttl: int
    protocol: int
    source: Address
    destination: Address
    body: bytes


def _seen(data: bytes) -> _Seen:
    """Read a packet with its header."""
    if data[0] >> 4 == 6:
        source, destination = (Address(6, int.from_bytes(data[at : at + 16], "big")) for at in (8, 24))
        return _Seen(data[7], data[6], source, destination, data[40:])
    source, destination = (Address(4, int.from_bytes(data[at : at + 4], "big")) for at in (12, 16))
    return _Seen(data[8], data[9], source, destination, data[(data[0] & 0xF) * 4 :])


def _taken_in(data: bytes, ancillary: list[tuple[int, int, bytes]], address: tuple[str, ...], protocol: int) -> _Seen:
    """Read a packet of IPv6 that the kernel has taken its header from."""
    known = {kind: value for _, kind, value in ancillary}
    hop_limit = int.from_bytes(known[socket.IPV6_HOPLIMIT], sys.byteorder)
    destination = Address(6, int.from_bytes(known[socket.IPV6_PKTINFO][:16], "big"))
    return _Seen(hop_limit, protocol, Address.parse(address[0].partition("%")[0]), destination, data)


def _note(came: _Seen, host: str | None, noted: _Noted) -> None:
    """Note a packet that carries a token, an answer to one, or an error about one."""
    body, version = came.body, came.source.version
    icmp = came.protocol == ICMP_OF[version]
    sighting = Sighting(came.ttl, host or "", came.source, came.destination)
    if came.protocol == TCP and len(body) >= 20 and body[13] & _RST:
        token = struct.unpack("!I", body[8:12])[0] - 1 - 10
        if token in noted.sightings:
            noted.errors.add(token)
            noted.answers[token].append(sighting)
        return
    token = _token(body, _SENT)
    if token not in noted.sightings:
        if (token := _token(body, _RETURNED)) in noted.answers and host is not None and not icmp:
            noted.answers[token].append(sighting)
    elif icmp and body[0] == _UNREACHABLE[version]:
        noted.errors.add(token)
    elif host is not None and icmp and body[0] == _ECHO_REPLY[version]:
        noted.answers[token].append(sighting)
    elif host is not None and (not icmp or body[0] == _ECHO_REQUEST[version]):
        noted.sightings[token].append(sighting)


def _token(body: bytes, name: bytes) -> int | None:
    at = body.find(name)
    return None if at < 0 else int.from_bytes(body[at + 6 : at + 10], "big")


def _socket(lab: Lab, host: str, kind: tuple[int, int, int], port: int | None = None) -> socket.socket:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inside(lab, host, _make, theirs, *kind, port)
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    return socket.socket(fileno=descriptors[0])


def _make(channel: socket.socket, family: int, kind: int, protocol: int, port: int | None) -> None:
    with socket.socket(family, kind, protocol) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if port is not None:
            sock.bind(("", port))
        socket.send_fds(channel, [b"."], [sock.fileno()])
