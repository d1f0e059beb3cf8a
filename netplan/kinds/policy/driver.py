"""Rules of policy routing in the kernel, through rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.kinds.policy import codec
from netplan.kinds.policy.value import PolicyRule
from netplan.netlink import Channel
from netplan.rtnetlink import RULE, dump


def observe(channel: Channel) -> Iterator[PolicyRule]:
    """Read the rules for IPv4 in the order in which the kernel asks them."""
    return map(codec.decode, dump(channel, RULE, codec.ALL))
