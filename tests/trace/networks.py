"""Clusters for traces over all of their nodes: each as podnet makes it of fresh nodes, and what is changed in some."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from netplan.desired.compile import compile_node
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.planning.hosts import host_of
from netplan.planning.migration import fresh_node
from netplan.spec.load import Spec
from netplan.trace.network import Network
from tests import make
from tests.spec.factory import A, B
from tests.trace.states import route

Change = Callable[[Snapshot], Snapshot]

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


def network(
    backend: str = "{type: host-gw}",
    nodes: Sequence[str] = (A, B, C),
    ipv6_network: str | None = None,
    **changed: Change | None,
) -> Network:
    """Make the network of three nodes, some of them with changes, without a state for None."""
    keys = {} if ipv6_network is None else {"ipv6_network": ipv6_network}
    spec = make.spec(*nodes, backend=backend, **keys)
    states = {name: None if change is None else change(settled_state(spec, name)) for name, change in changed.items()}
    return cluster(spec, **states)


def ruled(*lines: str) -> Change:
    """Return the change by which rules stand before those of a node: `raw PREROUTING -j DROP`."""

    def change(state: Snapshot) -> Snapshot:
        chains = {chain.key: chain for chain in state.all(Chain)}
        for line in reversed(lines):
            table, hook, text = line.split(" ", 2)
            key = ChainKey(4, table, hook)
            chain = chains.get(key, Chain(key, policy="ACCEPT"))
            chains[key] = replace(chain, rules=(make.rule(text), *chain.rules))
        return state.replace(Chain, chains.values())

    return change


def routed(*lines: str, without: str = "") -> Change:
    """Return the change by which a node has other routes, and not the one to a prefix."""

    def change(state: Snapshot) -> Snapshot:
        there = [item for item in state.all(Route) if str(item.prefix) != without]
        return state.replace(Route, [*there, *map(route, lines)])

    return change


def lacking(kind: type[Resource]) -> Change:
    """Return the change by which a node has no objects of a kind."""
    return lambda state: state.replace(kind, [])


def linked(device: str, **properties: object) -> Change:
    """Return the change by which a device has other properties."""

    def change(state: Snapshot) -> Snapshot:
        links = [replace(link, **properties) if link.name == device else link for link in state.all(Link)]
        return state.replace(Link, links)

    return change


def changed(backend: str, name: str, change: Change) -> Network:
    """Make the network of three nodes, one of them with changes."""
    spec = make.spec(A, B, C, backend=backend)
    return cluster(spec, **{name: change(settled_state(spec, name))})
