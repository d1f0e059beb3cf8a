"""Plans for moving a cluster from one spec to another, computed once for all nodes that change alike.

A move changes a node that stays as it is only through its peers. How these appear on it depends on few of its own
properties, its role: all nodes of one role get the same changes. So the work grows with the roles, not with the pairs
of nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.backends.vxlan import compile_vxlan
from netplan.desired.checks import checks_of
from netplan.desired.model import Desired
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.link.value import BRIDGE, Link
from netplan.kinds.route.value import KERNEL, Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress, Prefix
from netplan.planning.differences import diff_node
from netplan.planning.fingerprint import dependencies, device_dependencies, next_hops_of
from netplan.planning.groups import like, place_of
from netplan.planning.plan import NodePlan, Source, plan_node
from netplan.planning.projection import project
from netplan.planning.sysctls import given_up
from netplan.spec.load import Spec
from netplan.spec.topology import Node, Topology
from netplan.trace import BRIDGE_CALLS, settings_of


class Move(Struct, frozen=True):
    """The plan of one node, and the state that the older spec would have brought a fresh node to.

    It is a plan to read: only plans of a node's own state keep where jumps are to stand after a reboot.
    """

    plan: NodePlan
    before: Snapshot

    def warned(self, warning: str) -> Move:
        """Return the move with a warning before all others."""
        return replace(self, plan=replace(self.plan, warnings=(warning, *self.plan.warnings)))


def migrate(desired: Desired, then: Desired | None) -> Move:
    """Return the move of one node from what an older spec wanted of it, if it wanted anything."""
    before = fresh_node(desired.reported_traffic[0].node, desired.backend)
    if then is not None:
        before = project(before, diff_node(then, before))
    plan = replace(plan_node(desired, before, Source.SPEC), hooks=None)
    if then is None:
        return Move(plan, before)
    changes = (*plan.changes, *given_up(desired, then, before))
    return Move(replace(plan, changes=changes, depends=dependencies(changes, before)), before)


def predecessors(spec: Spec, old: Spec) -> dict[str, Node]:
    """Return the nodes of an older spec whose addresses other nodes have now, by the names of the latter."""
    then = {address.address: node for node in old.topology.nodes for address in node.addresses}
    return {
        node.name: then[address.address]
        for node in spec.topology.nodes
        if node.name not in old.topology.by_name
        for address in reversed(node.addresses)
        if address.address in then
    }


def renaming(spec: Spec, node: Node, then: Node) -> str:
    """Return a text: the node has the address of one that had another name, and what becomes of its pods."""
    same = f"{node.name} has the address of {then.name}"
    if then.name in spec.topology.by_name:
        return same
    if node.subnets == then.subnets:
        return f"{same}: planned as that node under a new name"
    before, after = (" and ".join(map(str, subnets)) for subnets in (then.subnets, node.subnets))
    written = spec.model.nodes[node.name]
    leased = any(written.own_subnet(subnet.version) is None for subnet in node.subnets)
    keep = f"podnet lease --rename {then.name} {node.name}" if leased else f"its subnet has to stay {before}"
    return f"{same}, and its pods move from {before} to {after}: to keep their addresses, {keep}"


def role_of(spec: Spec, old: Spec) -> Callable[[str], Hashable | None]:
    """Return the function from a node's name to its role: None if the move changes more of the node than its peers.

    Nodes of one role have the same device towards their peers, on the same segment, and the same settings of their own.
    """
    without: dict[str, object] = {"nodes": {}, "nodes_file": None}
    same = spec.model.model_copy(update=without) == old.model.model_copy(update=without)

    def role(name: str) -> Hashable | None:
        node, then = spec.topology.by_name[name], old.topology.by_name.get(name)
        written = spec.model.nodes[name]
        if not same or then is None or replace(then, at=node.at) != node or written != old.model.nodes[name]:
            return None
        return place_of(node), (written.blackhole, written.routes, tuple(written.sysctl.items()))

    return role


def same_role_plans(first: Move, traced: NodePlan, spec: Spec) -> Callable[[Node], NodePlan]:
    """Return the function from a node that has the role of another one to its plan, with the effects traced on that.

    Of what the changes depend on only its addresses are the node's own.
    """
    shared = like(first.plan, traced)
    next_hops, links = next_hops_of(shared.changes), first.before.all(Link)

    def plan_of(node: Node) -> NodePlan:
        own = device_dependencies(next_hops, links, [*addresses_of(node), *_ends(spec, node)])
        return replace(
            shared,
            node=node.name,
            address=node.address.address,
            depends={**shared.depends, **own},
            checks=tuple(checks_of(spec, node)),
        )

    return plan_of


def _ends(spec: Spec, node: Node) -> list[LinkAddress]:
    """Return the address of a node's end of the tunnel, if there is one."""
    backend = spec.model.backend
    if backend.type != "vxlan":
        return []
    alone = Topology(spec.topology.cluster, spec.topology.networks, (node,))
    wanted = compile_vxlan(alone, node, backend, spec.at("backend"))
    return [want.resource for want in wanted if isinstance(want.resource, LinkAddress)]


_BOOT: Final = 3


def fresh_node(node: Node, backend: FirewallBackend | None) -> Snapshot:
    """Return the state of a node as its spec describes it, before podnet or another program added a rule.

    No spec says how it reaches the outside: here by the interface, as if every address were on-link.
    """
    devices = (node.interface, node.bridge)
    return Snapshot.of(
        backend or FirewallBackend.NFT,
        [
            Link(node.interface, node.mtu, up=True),
            Link(node.bridge, node.mtu, up=True, type=BRIDGE),
            *addresses_of(node),
            *(Sysctl(name, "0") for device in ("all", *devices) for name in settings_of(device)),
            *(Sysctl(name, "0") for name in BRIDGE_CALLS.values()),
            *(_connected(node.interface, address) for address in node.addresses),
            *(_connected(node.bridge, node.gateway(subnet)) for subnet in node.subnets),
            *(Route(Prefix(version, 0, 0), node.interface, protocol=_BOOT) for version in _versions(node)),
        ],
    )


def addresses_of(node: Node) -> tuple[LinkAddress, ...]:
    """Return the addresses of a node's interface and bridge, as its spec describes them."""
    return (
        *(LinkAddress(node.interface, address) for address in node.addresses),
        *(LinkAddress(node.bridge, node.gateway(subnet)) for subnet in node.subnets),
    )


def _connected(device: IfName, address: InterfaceAddress) -> Route:
    """Return the route that the kernel makes for an address of a device."""
    return Route(address.prefix, device, protocol=KERNEL, prefsrc=address.address)


def _versions(node: Node) -> tuple[int, ...]:
    """Return the IP versions that the node or its pods have addresses of."""
    return tuple(
        sorted({address.address.version for address in node.addresses} | {net.version for net in node.subnets})
    )
