"""A kernel that answers over netlink as a test says."""

from __future__ import annotations

import socket
import struct
from unittest.mock import patch

from netplan.system.netlink.channel import Channel
from netplan.system.netlink.wire import ROUTE

OBJECT, DONE, INTERRUPTED_FLAG = 24, 3, 0x10


class FakeSocket:
    """A socket that answers each request with the next of the given answers, one receipt each, or fails as one says."""

    def __init__(self, *answers):
        self.answers = [*answers]
        self.waiting = []
        self.sent = b""

    def __call__(self, *_):
        return self

    def settimeout(self, seconds):
        """Wait for nothing."""

    def setsockopt(self, *option):
        """Know every option."""

    def bind(self, address):
        """Need no address."""

    def close(self):
        """Hold nothing."""

    def send(self, data):
        self.sent += data
        (number,) = struct.unpack_from("=I", data, 8)
        while len(data) > struct.unpack_from("=I", data)[0]:
            data = data[(struct.unpack_from("=I", data)[0] + 3) & ~3 :]
            (number,) = struct.unpack_from("=I", data, 8)
        self.waiting += [answer if isinstance(answer, OSError) else answer(number) for answer in self.answers.pop(0)]

    def recv_into(self, buffer):
        if not self.waiting:
            raise TimeoutError("timed out")
        answer = self.waiting.pop(0)
        if isinstance(answer, OSError):
            raise answer
        buffer[: len(answer)] = answer
        return len(answer)


def answer(kind, content=b"", flags=0):
    """Return what the kernel sends for the request of a number."""
    return lambda number: struct.pack("=IHHII", 16 + len(content), kind, flags, number, 0) + content


def error(code):
    """Return what the kernel sends where it refuses the request of a number."""
    return answer(2, struct.pack("=i", -code) + bytes(16))


def speak(*answers):
    """Return a channel to a kernel that answers each request with the next of some answers."""
    with patch.object(socket, "socket", FakeSocket(*answers)):
        return Channel(ROUTE)


def transmitted(channel):
    """Return all that the kernel was told on a channel of `speak`."""
    return channel._socket.sent
