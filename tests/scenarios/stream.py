"""Packets that flow while podnet works: which of them got lost, and under which source they came.

A chain or a route that is missing for a moment meets packets of connections that the kernel knows, and first packets,
for which alone NAT is decided: a flow has both in turn. Each carries a number.
"""

from __future__ import annotations

import select
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

from netplan.lab import Lab
from tests.lab.probe import address, socket_on

RATE: Final = 1000
"""How many packets a second each flow has, on a machine that is idle."""

_PORTS: Final = range(20000, 60000)
_KNOWN: Final = 9
_QUIET: Final = 2.0
_PATIENCE: Final = 60.0


class Seen(NamedTuple):
    """What became of a flow: how many packets were sent, those that never came, and how many came by source."""

    sent: int
    lost: frozenset[int]
    sources: Counter[str]


class Flow(NamedTuple):
    """The sockets of a flow: one sends, one hears every UDP packet that comes to the other end."""

    sender: socket.socket
    receiver: socket.socket
    target: str

    @classmethod
    def between(cls, lab: Lab, source: str, target: str, version: int = 4) -> Flow:
        """Open the sockets on two hosts of a lab."""
        receiver = socket_on(lab, target, socket.SOCK_RAW, socket.IPPROTO_UDP, version=version)
        receiver.setblocking(False)
        sender = socket_on(lab, source, socket.SOCK_DGRAM, version=version)
        return cls(sender, receiver, address(lab, target, version))

    def send(self, number: int) -> None:
        """Send a packet: by turns of the connection that is known, and the first of a new one."""
        port = _KNOWN if number % 2 else _PORTS[number // 2 % len(_PORTS)]
        self.sender.sendto(b"podnet" + number.to_bytes(4, "big"), (self.target, port))

    def heard(self) -> Iterator[tuple[int, str]]:
        """Return the number and the source of every packet that has come."""
        while True:
            try:
                packet, source = self.receiver.recvfrom(2048)
            except BlockingIOError:
                return
            header = (packet[0] & 0xF) * 4 if self.receiver.family == socket.AF_INET else 0
            payload = packet[header + 8 :]
            if payload.startswith(b"podnet"):
                yield int.from_bytes(payload[6:10], "big"), source[0]

    def close(self) -> None:
        """Close the sockets."""
        self.sender.close()
        self.receiver.close()


class Streams:
    """Flows that a process of its own keeps up until they are stopped."""

    def __init__(self, channel: Connection) -> None:
        self._channel = channel

    def stop(self) -> list[Seen]:
        """Stop the flows, wait for what is still on its way, and give what became of them."""
        self._channel.send("stop")
        assert self._channel.poll(_PATIENCE), "the flows do not end"
        return list(self._channel.recv())


@contextmanager
def streams(lab: Lab, *ends: tuple[str, str], versions: Sequence[int] = (4,)) -> Iterator[Streams]:
    """Keep up a flow between each two hosts for the length of a block; the first packet of each has arrived.

    With several IP versions there is a flow of each between all of them, version by version.
    """
    with ExitStack() as stack:
        flows = [Flow.between(lab, *end, version) for version in versions for end in ends]
        for flow in flows:
            stack.callback(flow.close)
            _greet(flow)
        ours, theirs = get_context("fork").Pipe()
        process = get_context("fork").Process(target=_run, args=(flows, theirs), daemon=True)
        process.start()
        stack.callback(process.join)
        stack.callback(process.kill)
        yield Streams(ours)


def _greet(flow: Flow) -> None:
    """Send one packet until it comes: the hosts on the way have to learn of each other first."""
    deadline = time.monotonic() + _PATIENCE
    while not list(flow.heard()):
        assert time.monotonic() < deadline, f"nothing reaches {flow.target}"
        flow.send(0)
        select.select([flow.receiver], [], [], 0.2)


def _run(flows: Sequence[Flow], channel: Connection) -> None:
    came: list[dict[int, str]] = [{} for _ in flows]
    for flow in flows:
        list(flow.heard())
    number = 0
    while not channel.poll():
        due = time.monotonic() + 1 / RATE
        number += 1
        for flow, arrived in zip(flows, came, strict=True):
            flow.send(number)
            arrived.update(flow.heard())
        time.sleep(max(0.0, due - time.monotonic()))
    last = time.monotonic()
    while any(len(arrived) < number for arrived in came) and time.monotonic() < last + _QUIET:
        select.select([flow.receiver for flow in flows], [], [], 0.1)
        for flow, arrived in zip(flows, came, strict=True):
            arrived.update(flow.heard())
    numbers = range(1, number + 1)
    channel.send(
        [
            Seen(
                number,
                frozenset(numbers) - arrived.keys(),
                Counter(arrived[sent] for sent in numbers if sent in arrived),
            )
            for arrived in came
        ]
    )
