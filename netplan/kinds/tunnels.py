"""What tunnels hold about their far ends, one entry at a time: neighbours, and entries of forwarding databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from netplan.kinds import netlink_driver
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import VXLAN, Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.resource import Change
from netplan.net import IfName
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.route import Message
from netplan.system.netlink.wire import Request

T = TypeVar("T", FdbEntry, Neighbour)


def observe(
    links: Mapping[int, Link],
    read: Callable[[int], Iterable[Message]],
    decode: Callable[[Message, Mapping[int, Link]], T | None],
) -> Iterator[T]:
    """Read what all tunnels hold, each by its index; `decode` gives None for what is not looked at."""
    for index, link in links.items():
        if link.type == VXLAN:
            found = (decode(message, {index: link}) for message in read(index))
            yield from (each for each in found if each is not None)


def write(
    channel: Channel,
    indexes: Mapping[IfName, int],
    changes: Iterable[Change[T]],
    made: Callable[[T, int], Request],
    gone: Callable[[T, int], Request],
) -> None:
    """Send for each change the request that makes an entry, or replaces it, or the one that deletes it."""
    asked = []
    for change in changes:
        entry = change.resource
        index = netlink_driver.standing(entry.link, indexes, change)
        if index is not None:
            asked.append(netlink_driver.Asked(change, (gone if change.after is None else made)(entry, index)))
    netlink_driver.write(channel, asked)
