"""What the parts of a spec must agree on: one small function a rule, each problem with the places that it is about.

A rule looks at what is valid and says nothing where what it needs is missing. None compares every node with every other
one: what overlaps is found by sorting, since a cluster may have 65,536 nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import wraps
from itertools import chain
from typing import Final, TypeAlias, TypeVar

from netplan.errors import Location, Problem
from netplan.kinds.link.value import OVERHEAD, derived_lladdr
from netplan.net import BITS, Prefix
from netplan.spec.draft import Draft, Family, Path, without_subnet
from netplan.spec.explain import dotted, suggest
from netplan.spec.fields import IPV6_MTU_MIN, MTU_MIN
from netplan.spec.model import Backend, CheckSpec, ClusterSpec, NodeSpec, StaticRoute
from netplan.spec.prefixes import around, nested
from netplan.spec.removals import check_removals

K = TypeVar("K")
_SHOWN: Final = 10  # names of nodes in one message
Note: TypeAlias = tuple[tuple[Location, str], ...]

_CHECKED: Final = frozenset({"ping", "tcp", "command"})
_NETWORKS: Final = ("network", "ipv6_network")
_FORWARDING: Final = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}


def check(draft: Draft) -> Iterator[Problem]:
    """Give the problems of every rule; that a node has no subnet is none, until something needs it."""
    return chain.from_iterable(rule(draft) for rule in RULES)


Rule: TypeAlias = Callable[[Draft], Iterator[Problem]]


def _each_family(rule: Callable[[Draft, Family], Iterator[Problem]]) -> Rule:
    """Make a rule about one IP version one about both."""

    @wraps(rule)
    def both(draft: Draft) -> Iterator[Problem]:
        return chain.from_iterable(rule(draft, family) for family in draft.families)

    return both


def check_any_network(draft: Draft) -> Iterator[Problem]:
    """A cluster has a pod network; of a key that is misspelt its own problem tells."""
    unknown = draft.keys - ClusterSpec.model_fields.keys()
    if draft.keys.isdisjoint(_NETWORKS) and not any(suggest(key, _NETWORKS) for key in unknown):
        hint = "add a key such as network: 172.7.0.0/16, or ipv6_network: fd00:7::/48"
        yield Problem(draft.places.key(), "the spec has no network", hint)


def check_families_wanted(draft: Draft) -> Iterator[Problem]:
    """Nothing is said of the subnets of a family that the pods do not have."""
    for family in draft.families:
        network = family.key("network")
        if family.pods:
            continue
        for key in map(family.key, ("subnet_len", "subnet_min", "subnet_max")):
            if key in draft.keys:
                message = f"{key}: the spec has no {network}"
                yield Problem(draft.places.key(key), message, f"remove the line, or add {network}")
        for name, node in (draft.nodes or {}).items():
            if not without_subnet(node, family.version) and isinstance(node, dict):
                message = f"node {name}: the spec has no {network} for a subnet to be part of"
                yield Problem(draft.places.key("nodes", name, family.key("subnet")), message, f"add {network}")


@_each_family
def check_families_complete(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every node has an address of the families that others have, and of those that host-gw routes."""
    key = family.key("address")
    nodes = {name: node for name, node in (draft.nodes or {}).items() if isinstance(node, dict)}
    holder = next((name for name, node in nodes.items() if key in node), None)
    routed = draft.backend == "host-gw" and family.pods
    if (
        holder is None
        and not routed
        and (family.version == 6 or any("ipv6_address" in each for each in nodes.values()))
    ):
        return
    example = "10.4.7.21/24" if family.version == 4 else "fd00:4::15/64"
    for name, node in nodes.items():
        if key not in node and not _misspelt(draft, name, key):
            related = () if holder is None else ((draft.places.key("nodes", holder, key), f"node {holder} has one"),)
            at = draft.places.key("nodes", name)
            yield Problem(at, f"nodes.{name} has no {key}", f"add a key such as {key}: {example}", related)


@_each_family
def check_subnet_len(draft: Draft, family: Family) -> Iterator[Problem]:
    """The pod network holds at least four subnets."""
    network, length = family.network, family.subnet_len
    if network and length and not family.fitting_len:
        key = family.key("subnet_len")
        message = f"{key}: /{length} leaves less than four subnets in {network}"
        hint = f"write a number from {network.length + 2} to {BITS[family.version] - 2}"
        yield Problem(draft.places.value(key), message, hint, _network_note(draft, family))


@_each_family
def check_subnet_bounds(draft: Draft, family: Family) -> Iterator[Problem]:
    """subnet_min and subnet_max are first addresses of subnets of the pod network."""
    network, length = family.network, family.fitting_len
    for bare, bound in (("subnet_min", family.subnet_min), ("subnet_max", family.subnet_max)):
        key = family.key(bare)
        if bound is None or network is None or length is None or family.fits(bound):
            continue
        message, hint = f"{key}: {bound} lies outside the pod network {network}", ""
        if network.contains(bound):
            message = f"{key}: {bound} is not the first address of a /{length}"
            hint = f"write {around(bound, length).address}"
        yield Problem(draft.places.value(key), message, hint, _network_note(draft, family))


@_each_family
def check_subnet_bounds_order(draft: Draft, family: Family) -> Iterator[Problem]:
    """subnet_min is not above subnet_max."""
    low, high = family.subnet_min, family.subnet_max
    if low and high and family.fits(low) and family.fits(high) and low > high:
        key, above = family.key("subnet_min"), family.key("subnet_max")
        related = ((draft.places.value(above), above),)
        message = f"{key}: {low} is above {above}, {high}: no subnet is left"
        yield Problem(draft.places.value(key), message, "exchange the two", related)


def check_any_node(draft: Draft) -> Iterator[Problem]:
    """A cluster has nodes."""
    if draft.nodes is not None and not draft.nodes:
        hint = "add a line such as hdss7-21: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
        yield Problem(draft.places.key("nodes"), "nodes: the cluster has no node", hint)


@_each_family
def check_subnets_present(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every node has a subnet, its own or a leased one; nodes without one are one problem, since one command helps."""
    key = family.key("subnet")
    names = [name for name in without_any_subnet(draft, family) if not _misspelt(draft, name, key)]
    if names and draft.leases.known:
        message = f"{nodes(names)} {'has' if len(names) == 1 else 'have'} no {key}"
        hint = f"run {draft.leases.command(draft.places.path)}, or write the subnet here"
        yield Problem(draft.places.key("nodes", names[0]), message, hint)


@_each_family
def check_leases_agree(draft: Draft, family: Family) -> Iterator[Problem]:
    """A node whose subnet stands in the spec has no other one among the leases."""
    for name, lease in draft.leases.subnets(family.version).items():
        subnet = family.subnets.get(name)
        if subnet is None or subnet == lease:
            continue
        message = f"node {name}: the lease {lease} is not the subnet of the spec, {subnet}"
        hint = f"take the subnet out of the spec, or drop the lease: {_release(draft, name)}"
        related = ((draft.subnet_at(name, family.version), f"the subnet of node {name}"),)
        yield Problem(draft.leases.at(name, family.version), message, hint, related)


@_each_family
def check_held_subnets(draft: Draft, family: Family) -> Iterator[Problem]:
    """No node has a subnet that is still held for a node which has left the spec."""
    nodes = draft.nodes
    if nodes is None:
        return
    leases = draft.leases.subnets(family.version).items()
    held = {name: lease for name, lease in leases if name not in nodes}
    for one, other in nested({**family.subnets, **held}) if held else ():
        name, gone = (one, other) if other in held else (other, one)
        if gone not in held or name in held:
            continue
        message = f"node {name}: subnet {family.subnets[name]} is held for {gone}, which is not in the spec"
        related = ((draft.leases.at(gone, family.version), f"the lease of {gone}"),)
        hint = f"free it, if nothing uses it any more: {_release(draft, gone)}"
        yield Problem(draft.subnet_at(name, family.version), message, hint, related)


@_each_family
def check_subnets_inside_network(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every subnet is a part of the pod network."""
    network = family.network
    for name, subnet in family.subnets.items():
        if network and not network.contains(subnet.address):
            message = f"node {name}: subnet {subnet} lies outside the pod network {network}"
            yield Problem(
                draft.subnet_at(name, family.version),
                message,
                _other_lease(draft, name, family),
                _network_note(draft, family),
            )


@_each_family
def check_subnets_length(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every subnet is of the cluster's length."""
    length = family.fitting_len
    for name, subnet in family.subnets.items():
        if length and subnet.length != length:
            message = f"node {name}: subnet {subnet} is a /{subnet.length}, and this cluster's are /{length}"
            hint = _other_lease(draft, name, family) or f"write {around(subnet.address, length)}"
            yield Problem(draft.subnet_at(name, family.version), message, hint)


@_each_family
def check_subnets_within_bounds(draft: Draft, family: Family) -> Iterator[Problem]:
    """Every subnet of the pod network lies in subnet_min to subnet_max."""
    low = family.subnet_min if family.fits(family.subnet_min) else None
    high = family.subnet_max if family.fits(family.subnet_max) else None
    if low and high and low > high:
        return  # reported as such
    for name, subnet in family.subnets.items():
        if not family.network or not family.network.contains(subnet.address):
            continue
        if low and subnet.address < low:
            yield _out_of_bounds(draft, family, name, "below subnet_min")
        if high and subnet.address > high:
            yield _out_of_bounds(draft, family, name, "above subnet_max")


@_each_family
def check_subnets_apart(draft: Draft, family: Family) -> Iterator[Problem]:
    """No address belongs to the subnets of two nodes; a subnet that is too wide is reported for that alone."""
    for name, other in nested(family.subnets):
        subnet, taken = family.subnets[name], family.subnets[other]
        if family.fitting_len and taken.length < family.fitting_len:
            continue
        what = f"{subnet} is already" if subnet == taken else f"{subnet} overlaps {taken},"
        message = f"node {name}: subnet {what} the subnet of node {other}"
        related = ((draft.subnet_at(other, family.version), f"the subnet of node {other}"),)
        yield Problem(draft.subnet_at(name, family.version), message, _apart_hint(draft, name, other, family), related)


@_each_family
def check_addresses_differ(draft: Draft, family: Family) -> Iterator[Problem]:
    """No two nodes have one address."""
    for name, other in _repeated({name: host.address for name, host in family.addresses.items()}):
        message = f"node {name}: {family.addresses[name].address} is already the address of node {other}"
        yield Problem(_address_at(draft, name, family), message, "", _node_note(draft, other, family))


@_each_family
def check_addresses_outside_network(draft: Draft, family: Family) -> Iterator[Problem]:
    """No node has an address of the pod network."""
    for name, host in family.addresses.items():
        if family.network and family.network.contains(host.address):
            message = f"node {name}: {host} lies inside the pod network {family.network}"
            hint = "the pod network is the pods' own; nodes have addresses of another"
            yield Problem(_address_at(draft, name, family), message, hint, _network_note(draft, family))


@_each_family
def check_segments_outside_network(draft: Draft, family: Family) -> Iterator[Problem]:
    """No segment overlaps the pod network; one whose nodes lie inside is reported for that alone."""
    for segment, names in _segments(family).items():
        first = names[0]
        if not family.network or not segment.overlaps(family.network):
            continue
        if not any(family.network.contains(family.addresses[name].address) for name in names):
            message = f"node {first}: the segment {segment} overlaps the pod network {family.network}"
            hint = "check both prefix lengths: a node must know by its address whether a packet is for a pod"
            yield Problem(_address_at(draft, first, family), message, hint, _network_note(draft, family))


@_each_family
def check_segments_apart(draft: Draft, family: Family) -> Iterator[Problem]:
    """Nodes that can reach each other write one prefix length: two segments are equal or apart."""
    segments = _segments(family)
    for pair in nested({segment: segment for segment in segments}):
        few, many = sorted(pair, key=lambda segment: len(segments[segment]))
        name, other = segments[few][0], segments[many][0]
        if len(segments[few]) == len(segments[many]):  # then the later one in the file is the likelier mistake
            other, name = sorted((name, other), key=lambda each: _address_at(draft, each, family))
        message = f"node {name}: the segments of {family.addresses[name]} and {family.addresses[other]} overlap"
        hint = "nodes of one segment have one prefix length"
        yield Problem(_address_at(draft, name, family), message, hint, _node_note(draft, other, family))


@_each_family
def check_host_gw_segment(draft: Draft, family: Family) -> Iterator[Problem]:
    """host-gw needs every node on one segment; who is not on the largest one is reported."""
    segments = _segments(family)
    if draft.backend != "host-gw" or not family.pods or not segments:
        return
    home = max(segments, key=lambda segment: len(segments[segment]))
    other = segments[home][0]
    for segment, names in segments.items():
        for name in names if not segment.overlaps(home) else ():
            message = f"node {name}: host-gw can't route between its segment {segment} and {home} of node {other}"
            hint = "host-gw needs all nodes on one segment; across a router it takes a tunnel, such as vxlan"
            yield Problem(_address_at(draft, name, family), message, hint, _node_note(draft, other, family))


def check_backend_keys(draft: Draft) -> Iterator[Problem]:
    """host-gw has none of a tunnel's keys, and needs no address but the nodes' own."""
    if draft.backend != "host-gw":
        return
    for key in draft.tunnel.keys:
        if key in Backend.model_fields and key not in {"type", "adopt"}:
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
    for address, other in _repeated({address: derived_lladdr(address) for address in reversed(own)}):
        message = f"node {own[address]}: {address} gives its end of the tunnel the link-layer address of {own[other]}'s"
        yield Problem(_address_at(draft, own[address], family), message, "give one of the two nodes another address")


def check_public_addresses(draft: Draft) -> Iterator[Problem]:
    """Peers send to each node at an address of its own, which is none of a pod's."""
    family = draft.underlay
    public = draft.tunnel.public_addresses
    own = {name: host.address for name, host in family.addresses.items()}
    for name, other in _repeated(public):
        message = f"node {name}: {public[name]} is already the public address of node {other}"
        related = ((draft.places.value("nodes", other, "public_address"), f"the public address of node {other}"),)
        yield Problem(draft.places.value("nodes", name, "public_address"), message, "", related)
    holders = {address: name for name, address in own.items()} if public else {}
    for name, address in public.items():
        place = draft.places.value("nodes", name, "public_address")
        if address.version != family.version:
            message = (
                f"node {name}: {address} is IPv{address.version}, and the tunnel's packets are IPv{family.version}"
            )
            yield Problem(place, message, "", _node_note(draft, name, family))
        if family.network and family.network.contains(address):
            message = f"node {name}: {address} lies inside the pod network {family.network}"
            yield Problem(place, message, "", _network_note(draft, family))
        if holders.get(address, name) != name:
            message = f"node {name}: {address} is the address of node {holders[address]}"
            yield Problem(place, message, "", _node_note(draft, holders[address], family))


def check_routes(draft: Draft) -> Iterator[Problem]:
    """A route of a node leads to a prefix of its own, and says how."""
    for path, other in _repeated({path: (path[1], route.prefix) for path, route in draft.routes.items()}):
        message = f"{dotted(path)}: {draft.routes[path].prefix} is routed in {dotted(other)} already"
        yield Problem(draft.places.key(*path), message, "", ((draft.places.key(*other), "the first one"),))
    for family in draft.families if draft.routes else ():
        holders = {subnet: name for name, subnet in family.subnets.items()}
        for path, route in draft.routes.items():
            if route.prefix.version == family.version:
                yield from _route_to_subnet(draft, family, path, holders.get(route.prefix))
                yield from _route_to_nowhere(draft, family, path, route)


def _route_to_subnet(draft: Draft, family: Family, path: Path, holder: str | None) -> Iterator[Problem]:
    if holder is not None:
        message = f"{dotted(path)}: {draft.routes[path].prefix} is the subnet of node {holder}"
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
    elif route.via and route.dev is None and host and not host.prefix.contains(route.via):
        message = f"{dotted(path)}: {route.via} does not lie on the node's segment {host.prefix}"
        note = ((_address_at(draft, name, family), "the node's address"),)
        yield Problem(draft.places.value(*path, "via"), message, "name the device that leads to it: dev", note)


def check_lists_without_repetition(draft: Draft) -> Iterator[Problem]:
    """No item stands twice in a list, and no sysctl twice under two spellings."""
    sysctls = {path: (path[:-1], name) for path, (name, _) in draft.sysctls.items()}
    for values in (draft.non_masquerade_cidrs, draft.respect_marks, draft.removals, sysctls):
        for path, other in _repeated(values):
            related = ((draft.places.key(*other), "the first one"),)
            message = f"{dotted(path)}: the same stands in {dotted(other)}"
            yield Problem(draft.places.key(*path), message, "remove one of the two", related)


def check_forwarding_stays_on(draft: Draft) -> Iterator[Problem]:
    """A node that routes for its pods forwards packets."""
    switches = {_FORWARDING[family.version] for family in draft.families if family.pods}
    for path, (name, value) in draft.sysctls.items():
        if name in switches and value not in {"", "1"}:
            message = f"{dotted(path)}: a node that does not forward packets has no pod network"
            yield Problem(draft.places.value(*path), message, "remove the line: podnet sets it to 1")


def check_checks_say_one_thing(draft: Draft) -> Iterator[Problem]:
    """A check is one of ping, tcp and command; of a key that is misspelt its own problem tells."""
    for path, keys in draft.checks.items():
        said = sorted(keys & _CHECKED)
        if len(said) > 1:
            message = f"{dotted(path)}: {' and '.join(said)} are two checks"
            yield Problem(draft.places.key(*path, said[1]), message, f"write an item of its own for {said[1]}")
        elif not said and keys <= CheckSpec.model_fields.keys():
            message = f"{dotted(path)}: nothing is checked"
            yield Problem(draft.places.key(*path), message, "add one of ping, tcp and command")


RULES: Final[tuple[Rule, ...]] = (
    check_any_network,
    check_families_wanted,
    check_families_complete,
    check_subnet_len,
    check_subnet_bounds,
    check_subnet_bounds_order,
    check_any_node,
    check_leases_agree,
    check_held_subnets,
    check_subnets_inside_network,
    check_subnets_length,
    check_subnets_within_bounds,
    check_subnets_apart,
    check_addresses_differ,
    check_addresses_outside_network,
    check_segments_outside_network,
    check_segments_apart,
    check_host_gw_segment,
    check_backend_keys,
    check_tunnel_name,
    check_mtus,
    check_tunnel_ends,
    check_public_addresses,
    check_routes,
    check_lists_without_repetition,
    check_forwarding_stays_on,
    check_checks_say_one_thing,
    check_removals,
)


def without_any_subnet(draft: Draft, family: Family) -> list[str]:
    """Give the nodes that have no subnet of a family that the pods have, neither from the spec nor leased."""
    if not family.pods:
        return []
    nodes, leased = (draft.nodes or {}).items(), draft.leases.subnets(family.version)
    return [name for name, node in nodes if without_subnet(node, family.version) and name not in leased]


def nodes(names: Sequence[str]) -> str:
    """Write names in a sentence, the first ones of many: `node a`, `nodes a and b`."""
    if len(names) == 1:
        return f"node {names[0]}"
    shown, more = names[:_SHOWN], len(names) - _SHOWN
    if more > 0:
        return f"nodes {', '.join(shown)} and {more} more"
    return f"nodes {', '.join(shown[:-1])} and {shown[-1]}"


def _misspelt(draft: Draft, name: str, key: str) -> bool:
    """Whether a key of a node looks like a certain one; it is reported as such."""
    node = (draft.nodes or {})[name]
    keys = node.keys() - NodeSpec.model_fields.keys() if isinstance(node, dict) else ()
    return any(suggest(each, (key,)) for each in keys)


def _release(draft: Draft, name: str) -> str:
    return draft.leases.command(draft.places.path, "--release", name)


def _other_lease(draft: Draft, name: str, family: Family) -> str:
    """Say how a node that leased its subnet gets another one."""
    return f"{_release(draft, name)} gives it another one" if draft.leased(name, family.version) else ""


def _apart_hint(draft: Draft, name: str, other: str, family: Family) -> str:
    """Say how one of two nodes that leased one subnet gets another; two people may have added a node each."""
    if not draft.leased(name, family.version):
        return _other_lease(draft, other, family)
    if not draft.leased(other, family.version):
        return _other_lease(draft, name, family)
    return f"{_release(draft, name)} gives {name} another one; if {name} is in use already, release {other} instead"


def _segments(family: Family) -> dict[Prefix, list[str]]:
    segments: dict[Prefix, list[str]] = {}
    for name, host in family.addresses.items():
        segments.setdefault(host.prefix, []).append(name)
    return segments


def _repeated(values: Mapping[K, Hashable]) -> Iterator[tuple[K, K]]:
    """Give each key whose value an earlier key has too, with that key."""
    first: dict[Hashable, K] = {}
    for key, value in values.items():
        earlier = first.setdefault(value, key)
        if earlier != key:
            yield key, earlier


def _out_of_bounds(draft: Draft, family: Family, name: str, bound: str) -> Problem:
    """Say of a subnet that it is `below subnet_min` or `above subnet_max`."""
    where, bare = bound.split()
    key, value = family.key(bare), family.subnet_min if where == "below" else family.subnet_max
    message = f"node {name}: subnet {family.subnets[name]} is {where} {key}, {value}"
    note = ((draft.places.value(key), key),)
    return Problem(draft.subnet_at(name, family.version), message, _other_lease(draft, name, family), note)


def _address_at(draft: Draft, name: str, family: Family) -> Location:
    return draft.places.value("nodes", name, family.key("address"))


def _node_note(draft: Draft, name: str, family: Family) -> Note:
    return ((_address_at(draft, name, family), f"the address of node {name}"),)


def _network_note(draft: Draft, family: Family) -> Note:
    return ((draft.places.value(family.key("network")), "the pod network"),)
