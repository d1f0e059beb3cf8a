"""Dumps of the kernel's routing: links, addresses, routes, neighbours and rules, over one channel."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from netplan.errors import ObserveError, UnsteadyError
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.route import Layout, Message, message_of
from netplan.system.netlink.wire import UnsettledError


def dump(channel: Channel, layout: Layout, fields: tuple[int, ...], content: bytes = b"") -> Iterator[Message]:
    """Return all objects of a kind that the fields and attributes ask for; ObserveError if the kernel won't tell.

    The first of the fields is the address family; a kernel without IPv6 answers with those of every family.
    """
    family = fields[0]
    try:
        messages = channel.dump(layout.get, layout.header.pack(*fields) + content)
    except UnsettledError as error:
        raise UnsteadyError("routes and devices change faster than they can be read: try again") from error
    except OSError as error:
        raise ObserveError(f"the kernel does not tell its routes and devices: {error.strerror or error}") from error
    return (message_of(layout, message) for message in messages if family in (socket.AF_UNSPEC, message[0]))
