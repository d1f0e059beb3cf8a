"""Addresses of network devices in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netplan.kinds import netlink_driver
from netplan.kinds.address import codec
from netplan.kinds.address.value import LINK_SCOPE, LinkAddress
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.resource import Change
from netplan.net import IfName
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import ADDRESS, FAMILIES


def observe(reading: Reading) -> Iterator[LinkAddress]:
    """Read every address.

    Left out are those that the kernel gives to every device by itself, from fe80::/10: a plan never has them.
    """
    for version in FAMILIES:
        for message in dump(reading.channel, ADDRESS, codec.dump_request(version)):
            if message.fields[-1] in reading.links:
                address = codec.decode(message, reading.links)
                if version == 4 or address.scope != LINK_SCOPE:
                    yield address


def write(writing: Writing, changes: Iterable[Change[LinkAddress]]) -> None:
    """Add addresses to devices, or delete them; the kernel replaces no scope, so that such an address goes first.

    One that stays as it is, is written all the same: it may have gone with a device that was made anew.
    """
    netlink_driver.write(
        writing.channel, [request for change in changes for request in _requests(writing.indexes, change)]
    )


def _requests(
    indexes: Mapping[IfName, int], change: Change[LinkAddress]
) -> Iterator[netlink_driver.ChangeRequest[LinkAddress]]:
    index = netlink_driver.standing(change.resource.link, indexes, change)
    if index is None:
        return
    if change.before not in (None, change.after):
        yield netlink_driver.ChangeRequest(change, codec.encode_delete(change.before, index))
    if change.after is not None:
        yield netlink_driver.ChangeRequest(change, codec.encode_new(change.after, index))
