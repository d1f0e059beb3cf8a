"""Devices are read, made, changed and deleted over netlink."""

from __future__ import annotations

import errno

import pytest
from msgspec.structs import replace

from netplan.errors import KernelError
from netplan.kinds.link import driver
from netplan.kinds.link.access import Writing
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.net import IfName
from netplan.system.netlink.route import LINK
from netplan.system.netlink.wire import attribute, decode
from tests import make, tunnels
from tests.system.netlink.speaking import DONE, answer, error, speak, transmitted

TUNNEL = tunnels.link()
INDEX = [answer(16, LINK.header.pack(0, 0, 3, 0, 0))]
"""What the kernel answers to the question for a device: its index."""
MISSING = [error(errno.ENODEV)]
TAKEN = [error(0)]


def sent(before, after, *answers):
    """Make a change; return the types of what was asked."""
    channel = speak(*answers)
    driver.write(Writing(channel, {}, many=1), [Change(before, after, make.WHY)])
    return [kind for kind, _, _, _ in decode(transmitted(channel))]


def test_a_new_tunnel_is_made_and_then_marked():
    assert sent(None, TUNNEL, INDEX, TAKEN, INDEX, TAKEN) == [LINK.get, LINK.new, LINK.get, LINK.new]


def test_a_tunnel_that_can_be_changed_is_not_made_anew():
    assert sent(replace(TUNNEL, mtu=1400), TUNNEL, INDEX, TAKEN) == [LINK.get, LINK.new]


def test_a_tunnel_of_another_port_goes_first():
    kinds = sent(tunnels.link(port=4789), TUNNEL, INDEX, INDEX, TAKEN, TAKEN, INDEX, TAKEN)
    assert kinds == [LINK.get, LINK.get, LINK.delete, LINK.new, LINK.get, LINK.new]


def test_a_device_that_is_gone_needs_no_delete():
    assert sent(TUNNEL, None, MISSING) == [LINK.get]


@pytest.mark.parametrize(
    ("after", "answers", "why"),
    [
        (TUNNEL, [MISSING], "there is no interface eth0"),
        (TUNNEL, [INDEX, [error(errno.EOPNOTSUPP)]], "the kernel has no vxlan: modprobe vxlan"),
        (TUNNEL, [INDEX, TAKEN, MISSING], "there is no interface podnet.1"),
        (Link(IfName("eth9"), 1500, up=True), [], "podnet makes no devices of this type"),
    ],
)
def test_a_device_that_can_not_be_made_is_named_with_the_reason(after, answers, why):
    with pytest.raises(KernelError, match=rf"^link {after.name}.*: {why}$"):
        sent(None, after, *answers)


def test_the_devices_are_found_by_their_names():
    named = LINK.header.pack(0, 0, 3, 0, 0) + attribute(3, b"podnet.1\0")
    channel = speak([answer(LINK.new, named), answer(DONE, bytes(4))])
    assert driver.indexes(channel) == {IfName("podnet.1"): 3}
