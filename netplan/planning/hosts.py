"""A cluster's nodes as the trace over all of them sees them."""

from __future__ import annotations

from netplan.kinds.snapshot import Snapshot
from netplan.planning.underlay import resolved_in
from netplan.spec.topology import Node
from netplan.trace.underlay import Host


def host_of(node: Node, state: Snapshot | None) -> Host:
    """Return a node with a state of it, None where that is not known."""
    node = node if state is None else resolved_in(node, state)
    return Host(
        node.name,
        state,
        tuple(own.address for own in node.addresses),
        node.subnets,
        node.bridge,
        node.interface,
        node.public_address,
    )
