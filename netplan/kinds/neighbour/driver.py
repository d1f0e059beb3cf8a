"""Permanent neighbours in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netplan.kinds import netlink_driver
from netplan.kinds.link.value import Link, tunnels
from netplan.kinds.neighbour import codec
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.resource import Change
from netplan.net import IfName
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import NEIGHBOUR


def observe(channel: Channel, links: Mapping[int, Link], version: int = 4) -> Iterator[Neighbour]:
    """Read the permanent neighbours of an IP version behind tunnels; `links` gives the devices by their indexes."""
    return netlink_driver.read_entries(
        tunnels(links), lambda index: dump(channel, NEIGHBOUR, *codec.asked(version, index)), codec.decode
    )


def write(channel: Channel, indexes: Mapping[IfName, int], changes: Iterable[Change[Neighbour]]) -> None:
    """Create, replace or delete neighbours; one that the kernel has found out by itself gives way to it."""
    netlink_driver.write_entries(channel, indexes, changes, codec.made, codec.gone)
