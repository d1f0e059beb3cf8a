"""Compile the spec into what one node should have: every object knows the line of the spec it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan import trace
from netplan.desired.backends.host_gw import compile_host_gw
from netplan.desired.backends.vxlan import compile_vxlan
from netplan.desired.chains import MASQUERADE_CHAIN, POSTROUTING, exempt, kept, masquerade_chain
from netplan.desired.checks import Check, checks_of
from netplan.desired.forward import FORWARD, FORWARD_CHAIN, forward_chain
from netplan.kinds.chain.reach import MANY_RULES
from netplan.kinds.chain.value import Backend, Chain, ChainKey, jump_to
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Reason, Resource, Wanted
from netplan.kinds.route.value import USUAL_METRIC, Route, RouteKey
from netplan.kinds.snapshot import Interest
from netplan.kinds.sysctl.forwarding import FORWARDING, IPV6_FORWARD
from netplan.kinds.sysctl.originals import Overwritten
from netplan.kinds.sysctl.value import EACH, Sysctl, accept_ra
from netplan.net import Address, IfName, Prefix
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.netfilter.iptables.rule import Rule
from netplan.spec.load import Spec
from netplan.spec.model import ClusterSpec, Mark
from netplan.spec.removals import Values, filled_in
from netplan.spec.topology import AUTO, Node, is_unnamed
from netplan.trace import Packet, Passing

OUR_CHAINS: Final = {
    chain[version]: hook[version]
    for version in (4, 6)
    for chain, hook in ((MASQUERADE_CHAIN, POSTROUTING), (FORWARD_CHAIN, FORWARD))
}
"""Every chain of ours and the built-in chain that leads into it."""

LAST_METRIC: Final = 0xFFFFFFFF
"""The metric of a route that any other to its prefix goes before."""


class Place(Enum):
    """Where a jump of ours stands among other programs' rules."""

    SHIELD = "before every rule that could rewrite pod traffic which keeps its source"
    LATE = "after every rule that could refuse pod traffic, before one that ends the chain"


class Traffic(Struct, frozen=True):
    """The cluster's traffic of one IP version as one node sees it, and what the spec wants of it.

    `network` is the pod network and `subnet` the node's part of it. `kept` are the destinations that must see a pod's
    own address, `exempt` those of them that the spec names.
    """

    node: Node
    nodes: tuple[Node, ...]
    network: Prefix
    subnet: Prefix
    kept: tuple[Prefix, ...]
    exempt: tuple[Prefix, ...]
    respected: tuple[Mark, ...]
    masquerades: bool
    accepts: bool

    @property
    def version(self) -> int:
        """The IP version."""
        return self.network.version

    @property
    def bridge(self) -> IfName:
        """The bridge of the node's pods."""
        return self.node.bridge


class Jump(Struct, frozen=True):
    """The rule of a built-in chain that leads into a chain of ours."""

    hook: ChainKey
    rule: Rule
    place: Place
    reason: Reason


class Removal(Struct, frozen=True):
    """A foreign rule that must not exist in a chain, wherever it stands and however often."""

    chain: ChainKey
    rule: Rule
    reason: Reason


class Desired(Struct, frozen=True):
    """What one node should have, and what it should not; with `adopts`, what others made of it is taken over.

    `watched` is the traffic that a plan tells of, one of an IP version; `traffic` is none when podnet leaves, and wants
    nothing of it.
    `checks` are what must work then, `persist` is the file in which its rules should be besides, None if in none.
    `overwritten` are the parameters that podnet wrote on this node: what is not wanted of them is to be as before.
    `applied` are the keys of the routes that it had there last: what took the place of such a one gives it back.
    """

    node: str
    address: Address
    backend: Backend | None
    objects: tuple[Wanted[Resource], ...]
    jumps: tuple[Jump, ...]
    removals: tuple[Removal, ...]
    traffic: tuple[Traffic, ...]
    watched: tuple[Traffic, ...]
    checks: tuple[Check, ...] = ()
    persist: str | None = None
    adopts: bool = False
    overwritten: tuple[Overwritten, ...] = ()
    applied: frozenset[RouteKey] = frozenset()

    @property
    def sysctls(self) -> frozenset[str]:
        """Which parameters are wanted, by name."""
        return frozenset(want.resource.name for want in self.objects if isinstance(want.resource, Sysctl))

    @property
    def interest(self) -> Interest:
        """What must be observed to plan for this node."""
        written = frozenset(each.name for each in self.overwritten)
        if not self.traffic:
            return everything() | Interest(sysctls=written, searched=frozenset({"nat", "filter"}))
        removals = {removal.chain for removal in self.removals}
        sysctls = self.sysctls | written
        links = (want.resource for want in self.objects if isinstance(want.resource, Link))
        ports = frozenset(link.vxlan.port for link in links if link.vxlan is not None)
        if IPV6_FORWARD in sysctls:
            sysctls |= {accept_ra(traffic.node.interface) for traffic in self.traffic}
        hooks = frozenset(OUR_CHAINS.values())
        return Interest(frozenset({*OUR_CHAINS, *hooks, *removals}), hooks, sysctls, ports=ports)


def everything(packets: Iterable[Packet] = (), *, limit: int = MANY_RULES) -> Interest:
    """What a record of a node holds: all that a plan for any spec without sysctls or odd chains looks at, and a trace.

    A trace asks for the settings of the devices by which packets come in: those that have an address. With `packets`,
    what a trace of just these looks at. Of a table not more than `limit` rules are read: FEW_RULES for what runs every
    minute.
    """
    chains = frozenset(
        ChainKey(version, table, name)
        for version in (4, 6)
        for table, names in BUILT_IN_BY_TABLE.items()
        for name in names
    )
    settings = {name for device in ("all", EACH) for name in trace.settings_of(device)}
    sysctls = frozenset({*FORWARDING.values(), *trace.BRIDGE_CALLS.values(), *settings})
    asked = frozenset(packets)
    if asked:
        return Interest(frozenset(OUR_CHAINS), sysctls=sysctls, traced=chains, follows=Passing(asked), limit=limit)
    return Interest(chains | frozenset(OUR_CHAINS), chains, sysctls, limit=limit)


def compile_node(spec: Spec, node: Node) -> Desired:
    """Compile what a node should have; the spec has met its constraints, so nothing here fails."""
    jumps = tuple(_jumps(spec))
    traffic = tuple(_traffic(spec, node))
    return Desired(
        node=node.name,
        address=node.address.address,
        backend=backend_of(spec),
        objects=_objects(spec, node),
        jumps=jumps,
        removals=tuple(_removals(spec, node)),
        traffic=traffic,
        watched=traffic,
        checks=tuple(checks_of(spec, node)),
        persist=_persist(spec),
        adopts=spec.model.backend.adopt,
    )


def nothing(spec: Spec, node: Node) -> Desired:
    """Compile what a node should have when podnet leaves it: nothing of ours, and no foreign rule taken away."""
    watched = tuple(replace(each, masquerades=False, accepts=False) for each in _traffic(spec, node))
    return Desired(node.name, node.address.address, backend_of(spec), (), (), (), (), watched, persist=_persist(spec))


def _persist(spec: Spec) -> str | None:
    path = spec.model.firewall.persist
    return None if path == "none" else path


def _traffic(spec: Spec, node: Node) -> Iterator[Traffic]:
    model = spec.model
    for network, subnet in zip(model.networks, node.subnets, strict=True):
        yield Traffic(
            node=node,
            nodes=spec.topology.nodes,
            network=network,
            subnet=subnet,
            kept=kept(network, model.ip_masq),
            exempt=exempt(network.version, model.ip_masq),
            respected=model.firewall.respect_marks,
            masquerades=model.ip_masq.masquerades(network.version),
            accepts=model.forward == "accept",
        )


def _objects(spec: Spec, node: Node) -> tuple[Wanted[Resource], ...]:
    """Give what a node should have; of a parameter that the spec and the backend name, the spec's value."""
    wanted = {
        (want.resource.kind, want.resource.key): want
        for want in (*_network(spec, node), *_routes(spec, node), *_chains(spec, node), *_sysctls(spec, node))
    }
    return tuple(wanted.values())


def _network(spec: Spec, node: Node) -> Iterator[Wanted[Resource]]:
    backend = spec.model.backend
    if backend.type == "vxlan":
        return compile_vxlan(spec.topology, node, backend, spec.at("backend"))
    return compile_host_gw(spec.topology, node)


def _routes(spec: Spec, node: Node) -> Iterator[Wanted[Route]]:
    """Give the routes that a node has besides those to its peers."""
    written = spec.model.nodes[node.name]
    blackhole = spec.model.defaults.blackhole if written.blackhole is None else written.blackhole
    if blackhole:
        place = ("nodes", node.name, "blackhole") if written.blackhole else ("defaults", "blackhole")
        for subnet in node.subnets:
            route = Route(subnet, type="blackhole", metric=LAST_METRIC)
            yield Wanted(route, Reason("blackhole", spec.at(*place)))
    for number, each in enumerate(written.routes):
        metric = USUAL_METRIC[each.prefix.version]
        route = Route(each.prefix, oif=each.dev or node.interface, next_hop=each.via, metric=metric)
        yield Wanted(route, Reason("routes", spec.at("nodes", node.name, "routes", number)))


def backend_of(spec: Spec) -> Backend | None:
    """Return the packet filter that the spec names, None for the one that is in use on the node."""
    chosen = spec.model.firewall.backend
    return None if chosen == "auto" else Backend(chosen)


def _chains(spec: Spec, node: Node) -> Iterator[Wanted[Chain]]:
    model = spec.model
    for network, subnet in zip(model.networks, node.subnets, strict=True):
        if model.ip_masq.masquerades(network.version):
            chain = masquerade_chain(node.bridge, subnet, network, model.ip_masq, model.firewall.respect_marks)
            yield Wanted(chain, Reason("ip_masq", spec.at("ip_masq")))
        if model.forward == "accept":
            yield Wanted(forward_chain(network), Reason("forward", spec.at("forward")))


def _jumps(spec: Spec) -> Iterator[Jump]:
    for version in [network.version for network in spec.model.networks]:
        if spec.model.ip_masq.masquerades(version):
            reason = Reason("before any SNAT of pod traffic", spec.at("firewall", "position"))
            yield Jump(POSTROUTING[version], jump_to(MASQUERADE_CHAIN[version]), Place.SHIELD, reason)
        if spec.model.forward == "accept":
            reason = Reason("after everybody's policy", spec.at("forward"))
            yield Jump(FORWARD[version], jump_to(FORWARD_CHAIN[version]), Place.LATE, reason)


def _removals(spec: Spec, node: Node) -> Iterator[Removal]:
    for number, removal in enumerate(spec.model.firewall.remove):
        reason = Reason("firewall.remove", spec.at("firewall", "remove", number))
        for version, chain, rule in filled_in(removal.rule, removal.table, removal_values(spec.model, node)):
            yield Removal(ChainKey(version, removal.table, chain), rule, reason)


def removal_values(model: ClusterSpec, node: Node) -> Values:
    """Give what a rule to remove may name of a node, by the IP versions of its pods."""
    devices = {"bridge": node.bridge, "interface": AUTO if is_unnamed(node.interface) else node.interface}
    return {
        network.version: {"subnet": subnet, "network": network, **devices}
        for network, subnet in zip(model.networks, node.subnets, strict=True)
    }


def _sysctls(spec: Spec, node: Node) -> Iterator[Wanted[Sysctl]]:
    """Give the parameters of a node, its own before those of the cluster."""
    own, common = spec.model.nodes[node.name].sysctl, spec.model.sysctl
    for network in spec.model.networks:
        switch = FORWARDING[network.version]
        if switch not in {*own, *common}:
            yield Wanted(Sysctl(switch, "1"), Reason("routing needs it"))
    for name in [name for name in common if name not in own]:
        yield Wanted(Sysctl(name, common[name]), Reason("sysctl", spec.at("sysctl", name)))
    for name, value in own.items():
        yield Wanted(Sysctl(name, value), Reason("sysctl", spec.at("nodes", node.name, "sysctl", name)))
