"""Network devices in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Final

from netplan.kinds import netlink_driver
from netplan.kinds.link import codec
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change, kernel_refusal
from netplan.net import IfName
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import LINK, Message, message_of
from netplan.system.netlink.wire import Request

_MEANING: Final = {
    errno.EADDRINUSE: "another tunnel or program has its UDP port (ss -lunp): write another port in backend",
    errno.EEXIST: "there is a device of this name, or a vxlan device of this VNI and port",
    errno.EINVAL: "the kernel finds it contradictory; is the MTU at most that of the interface, less 50?",
    errno.EOPNOTSUPP: "the kernel has no vxlan: modprobe vxlan",
    errno.EPERM: "it needs CAP_NET_ADMIN",
}


def devices(channel: Channel) -> dict[int, Link]:
    """Read every device of the network namespace, by its index."""
    messages = _all(channel)
    names = {codec.index(message): codec.name(message) for message in messages}
    return {codec.index(message): codec.decode(message, names) for message in messages}


def observe(reading: Reading) -> Iterable[Link]:
    """Return every device; they have been read before all else."""
    return reading.links.values()


def indexes(channel: Channel) -> dict[IfName, int]:
    """Read the indexes of every device, by its name."""
    return {codec.name(message): codec.index(message) for message in _all(channel)}


def _all(channel: Channel) -> tuple[Message, ...]:
    return tuple(dump(channel, LINK, codec.ALL, codec.BRIEFLY))


def write(writing: Writing, changes: Iterable[Change[Link]]) -> None:
    """Create, change or delete devices one by one; one that is gone already needs no delete.

    A device that can't become the one wanted is deleted first, with all that stands on it. A new one is marked as ours
    right after it has been made.
    """
    for change in changes:
        _write(writing.channel, change)


def _write(channel: Channel, change: Change[Link]) -> None:
    before, after = change.before, change.after
    changed = before is not None and after is not None and before.can_become(after)
    creation = None if after is None or changed else _making(channel, change, after)
    if before is not None and not changed:
        _delete(channel, change, before.name)
    if creation is not None:
        _ask(channel, change, creation)
    if after is not None:
        index = _index(channel, after.name)
        if index is None:
            raise kernel_refusal(change, f"there is no interface {after.name}")
        _ask(channel, change, codec.changed(before if changed else None, after, index))


def _making(channel: Channel, change: Change[Link], link: Link) -> Request:
    """Return the request that makes a new device."""
    if link.vxlan is None:
        raise kernel_refusal(change, "podnet makes no devices of this type")
    device = link.vxlan.device
    below = None if device is None else _index(channel, device)
    if device is not None and below is None:
        raise kernel_refusal(change, f"there is no interface {device}")
    return codec.encode_new(link, link.vxlan, below)


def _delete(channel: Channel, change: Change[Link], name: IfName) -> None:
    index = _index(channel, name)
    if index is not None:
        _ask(channel, change, codec.encode_delete(index))


def _ask(channel: Channel, change: Change[Link], request: Request) -> None:
    netlink_driver.write(channel, [netlink_driver.ChangeRequest(change, request)], _MEANING)


def _index(channel: Channel, name: IfName) -> int | None:
    """Ask for the index of a device by its name, None if there is no such device."""
    try:
        return codec.index(message_of(LINK, channel.get(LINK.get, codec.named(name))))
    except OSError as error:
        if error.errno == errno.ENODEV:
            return None
        raise
