"""Forwarding databases of tunnels in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netplan.kinds import netlink_driver
from netplan.kinds.fdb import codec
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.link.value import tunnels
from netplan.kinds.resource import Change
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import NEIGHBOUR


def observe(reading: Reading) -> Iterator[FdbEntry]:
    """Read the entries of tunnels that lead to a host and stay."""
    return netlink_driver.read_entries(
        tunnels(reading.links), lambda index: dump(reading.channel, NEIGHBOUR, codec.dump_request(index)), codec.decode
    )


def write(writing: Writing, changes: Iterable[Change[FdbEntry]]) -> None:
    """Create, replace or delete entries."""
    netlink_driver.write_entries(writing.channel, writing.indexes, changes, codec.encode_new, codec.encode_delete)
