"""Tracked connections are read and forgotten over netlink."""

from __future__ import annotations

import errno

import pytest

from netplan.errors import KernelError
from netplan.kinds.connection import driver
from netplan.kinds.connection.value import Connection
from netplan.net import Address
from netplan.system.netlink.wire import attribute
from tests.netfilter.nftables import answering
from tests.netfilter.nftables.answering import IPV4

POD, PEER, NODE = map(Address.parse, ("172.7.21.2", "172.7.22.2", "10.4.7.21"))
SOURCE_NAT, DESTINATION_NAT = 0x10, 0x20
CONNECTIONS = 1


def ends(source, destination):
    """Write the addresses of a direction."""
    return attribute(1, attribute(1, source.packed) + attribute(2, destination.packed))


def tracked(kernel, status=SOURCE_NAT, source=POD, **more):
    """Let a kernel track a connection of a pod that goes out under the node's address."""
    there, back = ends(source, PEER), ends(PEER, NODE)
    kernel.add(CONNECTIONS, IPV4, **{"_1": there, "_2": back, "_3": status, "_26": SOURCE_NAT, **more})


def observed(kernel, wanted=lambda _: True):
    return [(connection.source, connection.answered_to) for connection in driver.observe(wanted)]


def test_a_connection_is_read_with_both_its_directions():
    with answering.kernel() as kernel:
        tracked(kernel)
        assert observed(kernel) == [(POD, NODE)]


def test_only_connections_that_are_wanted_are_read():
    with answering.kernel() as kernel:
        tracked(kernel)
        tracked(kernel, source=PEER)
        assert observed(kernel, lambda connection: connection.source == POD) == [(POD, NODE)]


@pytest.mark.parametrize(("refuses", "forgotten"), [(0, True), (errno.ENOENT, False)])
def test_a_connection_that_has_ended_already_is_not_forgotten(refuses, forgotten):
    with answering.kernel(refuses=refuses):
        assert driver.delete(Connection(POD, PEER, NODE, PEER)) is forgotten


def test_a_connection_that_the_kernel_keeps_is_named():
    with (
        answering.kernel(refuses=errno.EPERM),
        pytest.raises(KernelError, match=r"^connection 172\.7\.21\.2 -> .* can't"),
    ):
        driver.delete(Connection(POD, PEER, NODE, PEER))
