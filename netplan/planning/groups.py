"""Which nodes of a move are alike, so that what it does to traffic is traced on one of them and holds for all."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from msgspec.structs import replace

from netplan.planning.plan import NodePlan
from netplan.spec.topology import Node

Likeness: TypeAlias = Hashable
"""Plans of the same likeness are of nodes on which packets fare the same."""


def place_of(node: Node) -> Hashable:
    """Return where a node is, as packets see it: its device, bridge and segments, its IP versions and its MTU."""
    segments = tuple(address.prefix for address in node.addresses)
    versions = tuple(subnet.version for subnet in node.subnets)
    return node.interface, node.bridge, segments, versions, node.mtu


def likeness(plan: NodePlan, node: Node, then: Node | None) -> Likeness:
    """Return the likeness of a node's plan: what it changes, and where the node is and was, None if it is new."""
    was = None if then is None else (place_of(then), then.addresses == node.addresses, then.subnets == node.subnets)
    return plan.changes, plan.source, plan.backend, plan.warnings, plan.refusals, place_of(node), was


def like(plan: NodePlan, traced: NodePlan) -> NodePlan:
    """Return a plan with the effects that were traced on a node of the same likeness."""
    return replace(plan, effects=traced.effects, traced_on=traced.traced_on or traced.node) if traced.effects else plan
