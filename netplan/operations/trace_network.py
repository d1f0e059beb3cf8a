"""What becomes of a packet on its way over all nodes of a cluster: by their records, or as specs alone make them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.compile import compile_node
from netplan.errors import UsageError
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address
from netplan.operations.report import Report
from netplan.planning.differences import diff_node
from netplan.planning.hosts import host_of
from netplan.planning.migration import fresh_node
from netplan.planning.projection import project
from netplan.planning.underlay import resolved_in, unresolved
from netplan.spec.load import Spec
from netplan.spec.topology import Node
from netplan.store import records
from netplan.trace import Packet
from netplan.trace.journey import Journey
from netplan.trace.network import Network
from netplan.trace.underlay import Host

_FEW: Final = 3
_CHECKOUT: Final = 60
"""Files of one checkout are written within so many seconds, in any order."""


class Cluster(Struct, frozen=True):
    """The nodes of a cluster with their states, and what is to be known of these.

    `missing` are the nodes without a record, whose states are unknown. Where no node has one, the states are `assumed`:
    those to which the spec leads fresh nodes. Of records that are `older` than the spec file nothing else is known.
    """

    spec: Spec
    network: Network
    missing: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    assumed: bool = False

    @property
    def remarks(self) -> list[str]:
        """What to know of the states before the answer, in sentences."""
        remarks = []
        if self.assumed:
            remarks.append("no node has a record: each is taken as the spec would leave a fresh one")
        if self.missing:
            remarks.append(f"no record of {_named(self.missing)}: what becomes of packets there is unknown")
        if self.older:
            remarks.append(f"older than the spec: the record of {_named(self.older)}; capture it again")
        return remarks

    def follow(self, packet: Packet) -> list[Journey]:
        """Follow a packet from the node where it starts, and what answers it; UsageError (2) if that is not known.

        Of several journeys each is one that can't be ruled out.
        """
        host, iif = self._start(packet)
        return self.network.follow(replace(packet, iif=iif).flow, host.name)

    def _start(self, packet: Packet) -> tuple[Host, str | None]:
        """Return the node where a packet starts, and the device that it comes in by, None if the node sends it.

        What comes from the outside comes in by the interface of the node that its destination is on.
        """
        source = packet.source
        if source is None:
            raise ValueError("a packet over all nodes has a source")
        start, end = self._host_of(source), self._host_of(packet.destination)
        if start is not None:
            return start, None if source in start.held else start.bridge
        if end is None:
            cluster = self.spec.model.cluster
            raise UsageError(f"neither {source} nor {packet.destination} is an address of a node or pod of {cluster}")
        return end, end.interface

    def _host_of(self, address: Address) -> Host | None:
        """Return the node that has an address, or in whose subnet it is; None for the outside."""
        hosts = self.network.hosts.values()
        holders = [host for host in hosts if address in host.held]
        holders = holders or [host for host in hosts if any(subnet.contains(address) for subnet in host.subnets)]
        if len(holders) > 1:
            names = " and ".join(host.name for host in holders[:_FEW])
            raise UsageError(f"{address} is an address of {names}: use --node to trace on one of them")
        networks = self.spec.topology.networks
        within = next((network for network in networks if network.version == address.version), None)
        if not holders and within is not None and within.contains(address):
            raise UsageError(f"{address} is in the pod network {within}, and in no node's subnet")
        return holders[0] if holders else None


def recorded_cluster(spec: Spec, path: Path, folder: Path, report: Report, *, planned: bool) -> Cluster:
    """Read the states of all nodes from their records below a state folder; `path` is the spec's.

    With `planned` they are those after the plan. The state of a node without a record is unknown, unless none has one.
    """
    states: dict[str, Snapshot | None] = {}
    older = []
    for number, node in enumerate(spec.topology.nodes):
        report.progress("reading records", number, len(spec.topology.nodes))
        record = records.read(folder, spec.model.cluster, node.name)
        states[node.name] = None if record is None else _state(spec, node, record, planned=planned)
        older += [node.name] if record is not None and _is_older(folder, spec, node, path) else []
    if not any(states.values()):
        assumed = _network(spec, {node.name: _assumed(spec, node) for node in spec.topology.nodes})
        return Cluster(spec, assumed, assumed=True)
    missing = tuple(name for name, state in states.items() if state is None)
    return Cluster(spec, _network(spec, states), missing, tuple(older))


def _network(spec: Spec, states: dict[str, Snapshot | None]) -> Network:
    return Network(host_of(node, states[node.name]) for node in spec.topology.nodes)


def _state(spec: Spec, node: Node, record: records.Record, *, planned: bool) -> Snapshot:
    desired = compile_node(spec, resolved_in(node, record.state))
    state = record.of(desired.backend)
    desired = replace(desired, overwritten=record.overwritten)
    return project(state, diff_node(desired, state)) if planned else state


def _assumed(spec: Spec, node: Node) -> Snapshot:
    desired = compile_node(spec, unresolved(node))
    state = fresh_node(desired.reported_traffic[0].node, desired.backend)
    return project(state, diff_node(desired, state))


def _is_older(folder: Path, spec: Spec, node: Node, path: Path) -> bool:
    """Whether the file of a record was written before that of the spec, and not with it."""
    record = records.path_of(folder, spec.model.cluster, node.name)
    return record.stat().st_mtime + _CHECKOUT < path.stat().st_mtime


def _named(names: Iterable[str]) -> str:
    names = tuple(names)
    rest = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + rest
