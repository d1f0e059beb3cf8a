"""Addresses of network devices in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netplan.kinds import netlink_driver
from netplan.kinds.address import codec
from netplan.kinds.address.value import LINK_SCOPE, LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.net import IfName
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import ADDRESS


def observe(channel: Channel, links: Mapping[int, Link], version: int = 4) -> Iterator[LinkAddress]:
    """Read every address of an IP version; `links` gives the devices by their indexes.

    Left out are those that the kernel gives to every device by itself, from fe80::/10: nobody wants or deletes them.
    """
    for message in dump(channel, ADDRESS, codec.asked(version)):
        if message.fields[-1] in links:
            found = codec.decode(message, links)
            if version == 4 or found.scope != LINK_SCOPE:
                yield found


def write(channel: Channel, indexes: Mapping[IfName, int], changes: Iterable[Change[LinkAddress]]) -> None:
    """Give devices addresses, or take them away; the kernel replaces no scope, so that such an address goes first."""
    netlink_driver.write(channel, [asked for change in changes for asked in _requests(indexes, change)])


def _requests(
    indexes: Mapping[IfName, int], change: Change[LinkAddress]
) -> Iterator[netlink_driver.Asked[LinkAddress]]:
    index = netlink_driver.standing(change.resource.link, indexes, change)
    if index is None:
        return
    if change.before is not None:
        yield netlink_driver.Asked(change, codec.gone(change.before, index))
    if change.after is not None:
        yield netlink_driver.Asked(change, codec.made(change.after, index))
