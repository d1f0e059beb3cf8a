"""Permanent neighbours in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netplan.kinds import writing
from netplan.kinds.link.value import VXLAN, Link
from netplan.kinds.neighbour import codec
from netplan.kinds.neighbour.value import Neighbour
from netplan.net import IfName
from netplan.netlink import Channel
from netplan.resource import Change
from netplan.rtnetlink import NEIGHBOUR, Message, dump


def observe(channel: Channel, links: Mapping[int, Link], version: int = 4) -> Iterator[Neighbour]:
    """Read the permanent neighbours of an IP version behind tunnels; `links` gives the devices by their indexes."""
    for index, link in links.items():
        if link.type == VXLAN:
            found = (codec.decode(message, {index: link}) for message in _dump(channel, version, index))
            yield from (neighbour for neighbour in found if neighbour is not None)


def _dump(channel: Channel, version: int, index: int) -> Iterator[Message]:
    fields, content = codec.asked(version, index)
    return dump(channel, NEIGHBOUR, fields, content)


def write(channel: Channel, indexes: Mapping[IfName, int], changes: Iterable[Change[Neighbour]]) -> None:
    """Create, replace or delete neighbours; one that the kernel has found out by itself gives way to it."""
    writing.write(channel, [asked for change in changes for asked in _requests(indexes, change)])


def _requests(indexes: Mapping[IfName, int], change: Change[Neighbour]) -> Iterator[writing.Asked[Neighbour]]:
    neighbour = change.resource
    index = writing.standing(neighbour.link, indexes, change)
    if index is not None:
        yield writing.Asked(change, (codec.gone if change.after is None else codec.made)(neighbour, index))
