"""Constraints on the backend, its tunnel, and routes besides its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netplan.errors import Problem
from netplan.kinds.link.value import OVERHEAD, derived_lladdr
from netplan.net import IPV6_MTU_MIN, Prefix
from netplan.spec.constraints.constraint import address_at, repeated
from netplan.spec.draft import Draft, Family
from netplan.spec.explain import dotted
from netplan.spec.fields import MTU_MIN
from netplan.spec.model import BackendOptions, StaticRoute
from netplan.spec.salvage import Path


def check_backend_keys(draft: Draft) -> Iterator[Problem]:
    """host-gw has none of a tunnel's keys, and needs no address but the nodes' own."""
    if draft.backend != "host-gw":
        return
    for key in draft.tunnel.keys:
        if key in BackendOptions.model_fields and key not in {"type", "adopt"}:
            hint = "remove the line, or write type: vxlan"
            yield Problem(draft.places.key("backend", key), f"backend.{key}: host-gw has no tunnel", hint)
    for name in draft.tunnel.public_addresses:
        message = f"node {name}: host-gw sends to the nodes' own addresses, and not to public_address"
        hint = "remove it; across a router it takes a tunnel, such as vxlan"
        yield Problem(draft.places.key("nodes", name, "public_address"), message, hint)


def check_tunnel_name(draft: Draft) -> Iterator[Problem]:
    """No node has a device of the tunnel's name."""
    name = draft.tunnel.name
    for path, device in draft.tunnel.devices.items() if draft.backend == "vxlan" else ():
        if device == name:
            related = ((draft.places.key(*path), dotted(path)),)
            message = f"backend: the tunnel can't be called {name}, as {dotted(path)} is"
            yield Problem(draft.places.key("backend", "name"), message, "choose another name", related)
    if draft.backend == "vxlan" and name == "lo":
        yield Problem(draft.places.key("backend", "name"), "backend: lo is every node's loopback device")


def check_mtus(draft: Draft) -> Iterator[Problem]:
    """The packets of the tunnel fit into what the interfaces carry, and IPv6 fits into both."""
    ipv6 = draft.families[1].pods
    needed, whose = (IPV6_MTU_MIN, "IPv6") if ipv6 else (MTU_MIN, "IPv4")
    tunnelled = draft.backend == "vxlan"
    overhead = OVERHEAD[draft.underlay.version] if tunnelled else 0
    wanted = draft.tunnel.mtu if tunnelled else None
    if wanted is not None and wanted < needed:
        message = f"backend.mtu: {wanted} is too little: {whose} needs {needed}"
        yield Problem(draft.places.value("backend", "mtu"), message, f"write {needed} or more, or auto")
    for path, mtu in draft.tunnel.mtus.items():
        room = mtu - overhead
        if wanted is not None and wanted > room:
            message = (
                f"backend.mtu: {wanted} does not fit into {mtu} of {dotted(path)}: the tunnel needs {overhead} itself"
            )
            related = ((draft.places.key(*path), dotted(path)),)
            yield Problem(draft.places.value("backend", "mtu"), message, f"write at most {room}, or auto", related)
        elif room < needed:
            left = f"{mtu} leaves {room} for the tunnel's packets" if tunnelled else f"{mtu} is too little"
            message = f"{dotted(path)}: {left}, and {whose} needs {needed}"
            yield Problem(draft.places.value(*path), message, f"it takes {needed + overhead} or more")


def check_tunnel_ends(draft: Draft) -> Iterator[Problem]:
    """The link-layer addresses of the tunnel's ends differ: those of IPv6 nodes are a hash of their addresses."""
    family = draft.underlay
    if draft.backend != "vxlan" or family.version == 4:
        return
    own = {address: name for name, address in reversed([(n, host.address) for n, host in family.addresses.items()])}
    for address, other in repeated({address: derived_lladdr(address) for address in reversed(own)}):
        message = f"node {own[address]}: {address} gives its end of the tunnel the link-layer address of {own[other]}'s"
        yield Problem(address_at(draft, own[address], family), message, "give one of the two nodes another address")


def check_routes(draft: Draft) -> Iterator[Problem]:
    """A route of a node leads to a prefix of its own, and says how."""
    for path, other in repeated({path: (path[1], route.prefix) for path, route in draft.routes.items()}):
        message = f"{dotted(path)}: {draft.routes[path].prefix} is routed in {dotted(other)} already"
        yield Problem(draft.places.key(*path), message, "", ((draft.places.key(*other), "the first one"),))
    for family in draft.families if draft.routes else ():
        holders = {subnet: name for name, subnet in family.subnets.items()}
        for path, route in draft.routes.items():
            if route.prefix.version == family.version:
                yield from _route_to_subnet(draft, family, path, holders)
                yield from _route_to_nowhere(draft, family, path, route)


def _route_to_subnet(draft: Draft, family: Family, path: Path, holders: Mapping[Prefix, str]) -> Iterator[Problem]:
    """Report a route to a node's subnet, or to a part of another node's; a part of its own is the node's matter."""
    prefix = draft.routes[path].prefix
    for length in sorted({subnet.length for subnet in holders if subnet.length <= prefix.length}):
        holder = holders.get(prefix.within(length))
        if holder is not None and (length == prefix.length or holder != path[1]):
            part = "" if length == prefix.length else "a part of "
            message = f"{dotted(path)}: {prefix} is {part}the subnet of node {holder}"
            related = ((draft.subnet_at(holder, family.version), f"the subnet of node {holder}"),)
            yield Problem(draft.places.key(*path), message, "podnet makes the routes to subnets itself", related)


def _route_to_nowhere(draft: Draft, family: Family, path: Path, route: StaticRoute) -> Iterator[Problem]:
    name = str(path[1])
    host = family.addresses.get(name)
    if route.via is None and route.dev is None:
        hint = "write via and an address, or dev and a device"
        yield Problem(draft.places.key(*path), f"{dotted(path)} says neither via nor dev", hint)
    elif route.via and route.via.version != family.version:
        message = f"{dotted(path)}: {route.via} is no IPv{family.version} address, as {route.prefix} needs"
        yield Problem(draft.places.value(*path, "via"), message, "the next hop is of the same family as the prefix")
    elif route.via and host and route.via == host.address:
        message = f"{dotted(path)}: {route.via} is the node's own address"
        yield Problem(draft.places.value(*path, "via"), message, "the next hop is another host's")
    elif route.via and route.dev is None and host and not host.prefix.contains(route.via):
        message = f"{dotted(path)}: {route.via} does not lie on the node's segment {host.prefix}"
        note = ((address_at(draft, name, family), "the node's address"),)
        yield Problem(draft.places.value(*path, "via"), message, "name the device that leads to it: dev", note)
