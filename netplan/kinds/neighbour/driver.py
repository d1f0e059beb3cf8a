"""Permanent neighbours in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from netplan.kinds import netlink_driver
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.link.value import tunnels
from netplan.kinds.neighbour import codec
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.resource import Change
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import FAMILIES, NEIGHBOUR, Message


def observe(reading: Reading) -> Iterator[Neighbour]:
    """Read the permanent neighbours behind tunnels."""
    for version in FAMILIES:
        read = partial(_dump, reading.channel, version)
        yield from netlink_driver.read_entries(tunnels(reading.links), read, codec.decode)


def _dump(channel: Channel, version: int, index: int) -> Iterator[Message]:
    return dump(channel, NEIGHBOUR, *codec.dump_request(version, index))


def write(writing: Writing, changes: Iterable[Change[Neighbour]]) -> None:
    """Create, replace or delete neighbours; one that the kernel has found out by itself gives way to it."""
    netlink_driver.write_entries(writing.channel, writing.indexes, changes, codec.encode_new, codec.encode_delete)
