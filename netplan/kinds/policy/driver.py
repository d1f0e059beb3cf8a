"""Rules of policy routing in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import chain

from netplan.errors import ObserveError
from netplan.kinds.link.access import Reading
from netplan.kinds.policy import codec
from netplan.kinds.policy.value import PolicyRule
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import FAMILIES, RULE


def observe(reading: Reading) -> Iterator[PolicyRule]:
    """Read the rules, those of each IP version in the order in which the kernel asks them.

    A kernel that has no rules of a version looks packets up as it does by those of every node: none are given.
    """
    return chain.from_iterable(_of_version(reading.channel, version) for version in FAMILIES)


def _of_version(channel: Channel, version: int) -> Iterator[PolicyRule]:
    try:
        return map(codec.decode, dump(channel, RULE, codec.ALL[version]))
    except ObserveError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EAFNOSUPPORT:
            return iter(())
        raise
