"""Forwarding databases of tunnels in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netplan.kinds import writing
from netplan.kinds.fdb import codec
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import VXLAN, Link
from netplan.net import IfName
from netplan.netlink import Channel
from netplan.resource import Change
from netplan.rtnetlink import NEIGHBOUR, dump


def observe(channel: Channel, links: Mapping[int, Link]) -> Iterator[FdbEntry]:
    """Read the entries of tunnels that lead to a host and stay; `links` gives the devices by their indexes."""
    for index, link in links.items():
        if link.type == VXLAN:
            found = (codec.decode(each, {index: link}) for each in dump(channel, NEIGHBOUR, codec.asked(index)))
            yield from (entry for entry in found if entry is not None)


def write(channel: Channel, indexes: Mapping[IfName, int], changes: Iterable[Change[FdbEntry]]) -> None:
    """Create, replace or delete entries."""
    writing.write(channel, [asked for change in changes for asked in _requests(indexes, change)])


def _requests(indexes: Mapping[IfName, int], change: Change[FdbEntry]) -> Iterator[writing.Asked[FdbEntry]]:
    entry = change.resource
    index = writing.standing(entry.link, indexes, change)
    if index is not None:
        yield writing.Asked(change, (codec.gone if change.after is None else codec.made)(entry, index))
