from __future__ import annotations

from netplan.planning.hosts import host_of
from tests import make


def test_a_host_has_what_the_spec_says_of_its_node():
    node = make.node()
    host = host_of(node, None)
    assert (host.name, host.addresses, host.subnets, host.bridge, host.interface) == (
        node.name,
        (node.address.address,),
        node.subnets,
        node.bridge,
        node.interface,
    )
