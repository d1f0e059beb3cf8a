"""Compile the spec into what one node should have: every object knows the line of the spec it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from netplan.desired.backends.host_gw import compile_host_gw
from netplan.desired.backends.vxlan import compile_vxlan
from netplan.desired.chains import (
    FORWARD,
    FORWARD_CHAIN,
    MASQUERADE_CHAIN,
    POSTROUTING,
    exempt,
    forward_chain,
    kept,
    masquerade_chain,
)
from netplan.desired.checks import checks_of
from netplan.desired.model import LAST_METRIC, Desired, Jump, Place, Removal, Traffic
from netplan.kinds.chain.value import Chain, ChainKey, FirewallBackend, jump_to
from netplan.kinds.resource import Reason, Resource, Wanted
from netplan.kinds.route.value import USUAL_METRIC, Route
from netplan.kinds.sysctl.forwarding import FORWARDING
from netplan.kinds.sysctl.value import Sysctl
from netplan.spec.load import Spec
from netplan.spec.model import ClusterSpec
from netplan.spec.removals import Values, filled_in
from netplan.spec.topology import AUTO, Node, is_unnamed


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
        reported_traffic=traffic,
        checks=tuple(checks_of(spec, node)),
        persist=_persist(spec),
        adopts=spec.model.backend.adopt,
    )


def compile_removal(spec: Spec, node: Node) -> Desired:
    """Compile what a node should have when podnet leaves it: nothing of ours, and no foreign rule taken away."""
    unwanted = {"masquerades": False, "accepts": False, "accepts_outside": False}
    reported_traffic = tuple(replace(traffic, **unwanted) for traffic in _traffic(spec, node))
    return Desired(
        node.name, node.address.address, backend_of(spec), (), (), (), (), reported_traffic, persist=_persist(spec)
    )


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
            accepts=model.forward != "none",
            accepts_outside=model.forward == "accept",
        )


def _objects(spec: Spec, node: Node) -> tuple[Wanted[Resource], ...]:
    """Return what a node should have; of a parameter that the spec and the backend name, the spec's value."""
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
    """Return the routes that a node has besides those to its peers."""
    written = spec.model.nodes[node.name]
    blackhole = spec.model.defaults.blackhole if written.blackhole is None else written.blackhole
    if blackhole:
        place = ("nodes", node.name, "blackhole") if written.blackhole else ("defaults", "blackhole")
        for subnet in node.subnets:
            route = Route(subnet, type="blackhole", metric=LAST_METRIC)
            yield Wanted(route, Reason("blackhole", spec.at(*place)))
    for number, static in enumerate(written.routes):
        metric = USUAL_METRIC[static.prefix.version]
        route = Route(static.prefix, oif=static.dev or node.interface, next_hop=static.via, metric=metric)
        yield Wanted(route, Reason("routes", spec.at("nodes", node.name, "routes", number)))


def backend_of(spec: Spec) -> FirewallBackend | None:
    """Return the packet filter that the spec names, None for the one that is in use on the node."""
    chosen = spec.model.firewall.backend
    return None if chosen == "auto" else FirewallBackend(chosen)


def _chains(spec: Spec, node: Node) -> Iterator[Wanted[Chain]]:
    model = spec.model
    for network, subnet in zip(model.networks, node.subnets, strict=True):
        if model.ip_masq.masquerades(network.version):
            chain = masquerade_chain(node.bridge, subnet, network, model.ip_masq, model.firewall.respect_marks)
            yield Wanted(chain, Reason("ip_masq", spec.at("ip_masq")))
        if model.forward != "none":
            within = None if model.forward == "accept" else spec.topology.underlay[network.version]
            yield Wanted(forward_chain(network, within), Reason("forward", spec.at("forward")))


def _jumps(spec: Spec) -> Iterator[Jump]:
    for version in [network.version for network in spec.model.networks]:
        if spec.model.ip_masq.masquerades(version):
            reason = Reason("before any SNAT of pod traffic", spec.at("firewall", "position"))
            yield Jump(POSTROUTING[version], jump_to(MASQUERADE_CHAIN[version]), Place.SHIELD, reason)
        if spec.model.forward != "none":
            reason = Reason("after every other program's policy", spec.at("forward"))
            yield Jump(FORWARD[version], jump_to(FORWARD_CHAIN[version]), Place.LATE, reason)


def _removals(spec: Spec, node: Node) -> Iterator[Removal]:
    for number, removal in enumerate(spec.model.firewall.remove):
        reason = Reason("firewall.remove", spec.at("firewall", "remove", number))
        for version, chain, rule in filled_in(removal.rule, removal.table, removal_values(spec.model, node)):
            yield Removal(ChainKey(version, removal.table, chain), rule, reason)


def removal_values(model: ClusterSpec, node: Node) -> Values:
    """Return what a rule to remove may name of a node, by the IP versions of its pods."""
    devices = {"bridge": node.bridge, "interface": AUTO if is_unnamed(node.interface) else node.interface}
    return {
        network.version: {"subnet": subnet, "network": network, **devices}
        for network, subnet in zip(model.networks, node.subnets, strict=True)
    }


def _sysctls(spec: Spec, node: Node) -> Iterator[Wanted[Sysctl]]:
    """Return the parameters of a node, its own before those of the cluster."""
    own, common = spec.model.nodes[node.name].sysctl, spec.model.sysctl
    for network in spec.model.networks:
        switch = FORWARDING[network.version]
        if switch not in {*own, *common}:
            yield Wanted(Sysctl(switch, "1"), Reason("routing needs it"))
    for name in [name for name in common if name not in own]:
        yield Wanted(Sysctl(name, common[name]), Reason("sysctl", spec.at("sysctl", name)))
    for name, value in own.items():
        yield Wanted(Sysctl(name, value), Reason("sysctl", spec.at("nodes", node.name, "sysctl", name)))
