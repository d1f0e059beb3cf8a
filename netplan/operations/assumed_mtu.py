"""The note about nodes whose MTU is assumed: without a kernel or a record it is unknown."""

from __future__ import annotations

from collections.abc import Sequence

from netplan.operations.report import Report
from netplan.spec.constraints.constraint import nodes as name_nodes
from netplan.spec.load import Spec
from netplan.spec.topology import USUAL_MTU, Node


def note_assumed(spec: Spec, nodes: Sequence[Node], report: Report) -> None:
    """Note for which nodes an MTU is assumed that a tunnel depends on, since their interfaces are not at hand."""
    backend = spec.model.backend
    assumed = [node.name for node in nodes if node.mtu_assumed]
    if assumed and backend.type == "vxlan" and backend.mtu is None:
        names = name_nodes(assumed)
        report.note(f"podnet: mtu: auto: {USUAL_MTU} is assumed for {names}: no kernel or record is at hand")
