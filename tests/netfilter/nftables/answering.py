"""A kernel of nftables in memory, which answers what podnet asks over netlink with the objects that it was given."""

from __future__ import annotations

import errno
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self
from unittest.mock import patch

from netplan.netfilter.nftables.expression import terminated
from netplan.system.netlink import netfilter
from netplan.system.netlink.wire import HEADER, Pile, Refusal, Request, attribute, attributes
from tests.netfilter.nftables.instructions import number

TABLE, CHAIN, RULE, SET, ELEMENT, GENERATION = 1, 4, 7, 10, 13, 16
"""The messages by which objects are asked for."""
IPV4, IPV6, INET, NETDEV = 2, 10, 1, 5


class Kernel:
    """Objects by the message that asks for them: the family and the attributes of each; `refuses` is an error number.

    It answers as a netlink channel does, of which one request is told: `asked` keeps them.
    """

    def __init__(self, refuses: int = 0) -> None:
        self.objects: defaultdict[int, list[tuple[int, dict[int, bytes]]]] = defaultdict(list)
        self.asked: list[int] = []
        self.changes: list[Request] = []
        self._refuses = refuses

    def add(self, message: int, family: int, **content: bytes | str | int) -> None:
        """Add an object, with its attributes by their numbers, as `_1=...`."""
        self.objects[message].append((family, {int(key[1:]): _written(value) for key, value in content.items()}))

    def __call__(self, _family: int) -> Self:
        """Open a channel."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Keep it open."""

    def dump(self, kind: int, payload: bytes, most: int | None = None) -> list[bytes]:
        """Return the objects of a family, 0 for any, that have the attributes of the request."""
        if self._refuses:
            raise OSError(self._refuses, "refused")
        self.asked.append(kind & 0xFF)
        family, wanted = payload[0], attributes(payload[4:])
        return [
            bytes([own, 0, 0, 0]) + b"".join(attribute(key, value) for key, value in content.items())
            for own, content in self.objects[kind & 0xFF]
            if family in (0, own) and wanted.items() <= content.items()
        ]

    def get(self, kind: int, payload: bytes) -> bytes:
        """Return the one object that is asked for; OSError if there is none."""
        objects = self.dump(kind, payload)
        if not objects:
            raise OSError(errno.ENOENT, "there is none")
        return objects[0]

    def pile(self, kind: int, payload: bytes) -> Pile:
        """Return what a dump does, one message behind the other."""
        starts, messages = [], b""
        for content in self.dump(kind, payload):
            starts.append(len(messages))
            messages += HEADER.pack(HEADER.size + len(content), kind, 2, 1, 0) + content
        return Pile(messages, starts)

    def write(self, requests: Sequence[Request]) -> dict[int, Refusal]:
        """Keep the changes, or refuse them."""
        self.changes += requests
        return {0: Refusal(self._refuses, "")} if self._refuses else {}

    def transact(self, requests: Sequence[Request]) -> Refusal | None:
        """Keep the changes, or refuse them."""
        self.changes += requests
        return Refusal(self._refuses, "") if self._refuses else None


def _written(value: bytes | str | int) -> bytes:
    if isinstance(value, str):
        return terminated(value)
    return number(value) if isinstance(value, int) else value


def nested(content: Mapping[int, bytes | str | int]) -> bytes:
    """Write attributes within an attribute."""
    return b"".join(attribute(key, _written(value)) for key, value in content.items())


@contextmanager
def kernel(refuses: int = 0) -> Iterator[Kernel]:
    """Let podnet ask a kernel in memory."""
    memory = Kernel(refuses)
    with patch.object(netfilter, "Channel", memory):
        yield memory
