"""Clusters for traces over all of their nodes: each as podnet makes it of fresh nodes, and what is changed in some."""

from __future__ import annotations

from netplan.desired.compile import compile_node
from netplan.kinds.snapshot import Snapshot
from netplan.planning.hosts import host_of
from netplan.planning.migration import fresh_node
from netplan.spec.load import Spec
from netplan.trace.network import Network
from tests import make

C = "c: {address: 10.4.7.23/24, subnet: 172.7.23.0/24}"
VXLAN = "{type: vxlan}"
POD = {name: f"172.7.2{number}.2" for number, name in enumerate("abc", 1)}
NODE = {name: f"10.4.7.2{number}" for number, name in enumerate("abc", 1)}
OUTSIDE = "198.51.100.2"


def settled_state(spec: Spec, name: str) -> Snapshot:
    """Return what podnet makes of a fresh node."""
    desired = compile_node(spec, spec.topology.by_name[name])
    return make.settled(desired, fresh_node(spec.topology.by_name[name], desired.backend))


def cluster(spec: Spec, **states: Snapshot | None) -> Network:
    """Make the network of a spec's nodes, some of them in other states than podnet leads to."""
    return Network(
        host_of(node, states[node.name] if node.name in states else settled_state(spec, node.name))
        for node in spec.topology.nodes
    )
