"""What becomes of one packet on a node: in the state that its kernel or its record has, or after the plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.compile import compile_node
from netplan.desired.model import Desired
from netplan.errors import UsageError
from netplan.kernel import Kernel
from netplan.kinds.chain.value import ChainKey, FirewallBackend
from netplan.kinds.snapshot import Snapshot
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.operations.live_plan import whole_state
from netplan.operations.remembered import recalled
from netplan.operations.report import Report
from netplan.planning.differences import diff_node
from netplan.planning.projection import project
from netplan.planning.underlay import resolved_in
from netplan.spec.load import Spec
from netplan.spec.topology import Node
from netplan.store import records
from netplan.trace import Packet, Trace, Tracer, entrance


class NodeState(Struct, frozen=True):
    """A node, a state of it, and what it should have."""

    node: Node
    state: Snapshot
    desired: Desired

    def trace(self, packet: Packet, *, planned: bool = False) -> Trace:
        """Return what becomes of a packet, which comes in by the device that its source says.

        With `planned` the state is that after the plan. UsageError (2) if no route says where the packet comes in.
        """
        tracer = Tracer(project(self.state, diff_node(self.desired, self.state)) if planned else self.state)
        return tracer.trace(_entering(packet, tracer, self.node))


def live_state(
    spec: Spec, node: Node, opener: Callable[[FirewallBackend | None], Kernel], folder: Path, report: Report
) -> NodeState:
    """Read the whole state of a node from its kernel; `folder` is where podnet remembers. ObserveError (3)."""
    desired = recalled(compile_node(spec, node), folder, report)
    with report.during("reading the kernel"):
        return NodeState(node, whole_state(opener(desired.backend), desired.interest), desired)


def recorded_state(spec: Spec, node: Node, folder: Path, version: int, report: Report) -> NodeState:
    """Read the state of a node from its record below a state folder; UsageError (2) if there is none.

    Tables of an IP version that the record does not hold are noted.
    """
    recorded = records.read(folder, spec.model.cluster, node.name)
    if recorded is None:
        raise UsageError(
            f"{folder} has no record of {node.name}: run podnet capture there, or use --live on the node itself"
        )
    desired = compile_node(spec, resolved_in(node, recorded.state))
    state = recorded.of(desired.backend)
    unread = " and ".join(
        table
        for table, hooks in BUILT_IN_BY_TABLE.items()
        if all(ChainKey(version, table, hook) not in state.chains for hook in hooks)
    )
    if unread:
        report.note(f"podnet: the record of {node.name} holds nothing of table {unread}: taken as empty")
    return NodeState(node, state, replace(desired, overwritten=recorded.overwritten))


def _entering(packet: Packet, tracer: Tracer, node: Node) -> Packet:
    """Return the packet with the device that it comes in by: its source decides."""
    try:
        return entrance(packet, tracer.fib(packet.version), node.subnet_of(packet.version), node.bridge)
    except ValueError as error:
        raise UsageError(f"the packet's source: {error}") from error
