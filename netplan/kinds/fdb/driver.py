"""Forwarding databases of tunnels in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netplan.kinds import netlink_driver
from netplan.kinds.fdb import codec
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link, tunnels
from netplan.kinds.resource import Change
from netplan.net import IfName
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import NEIGHBOUR


def observe(channel: Channel, links: Mapping[int, Link]) -> Iterator[FdbEntry]:
    """Read the entries of tunnels that lead to a host and stay; `links` gives the devices by their indexes."""
    return netlink_driver.read_entries(
        tunnels(links), lambda index: dump(channel, NEIGHBOUR, codec.asked(index)), codec.decode
    )


def write(channel: Channel, indexes: Mapping[IfName, int], changes: Iterable[Change[FdbEntry]]) -> None:
    """Create, replace or delete entries."""
    netlink_driver.write_entries(channel, indexes, changes, codec.made, codec.gone)
