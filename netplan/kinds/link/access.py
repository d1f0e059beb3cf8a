"""What the drivers of kinds that rtnetlink(7) knows are given to read and to write with, and what each must have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change, Resource
from netplan.net import IfName
from netplan.system.netlink.channel import Channel


class Reading(Struct, frozen=True):
    """An observation: the channel, the devices by their indexes, and by IP version the routing tables looked at.

    To `linkdown` is added of which devices the kernel uses no route of an IP version (see `Snapshot`).
    """

    channel: Channel
    links: Mapping[int, Link]
    tables: Mapping[int, Collection[int]] = {}
    linkdown: set[tuple[int, IfName]] = field(default_factory=set)


class Writing(Struct, frozen=True):
    """The writing of a batch: the channel, and the indexes of devices by their names.

    By `many` gateways or more, routes are made through next-hop objects.
    """

    channel: Channel
    indexes: Mapping[IfName, int]
    many: int


class Driver(Protocol):
    """A module that reads and writes the objects of one kind."""

    def observe(self, reading: Reading) -> Iterable[Resource]:
        """Read every object of the kind that is looked at, of both IP versions; ObserveError."""

    def write(self, writing: Writing, changes: Sequence[Change[Any]]) -> None:
        """Make changes in order; KernelError names an object that was refused."""
