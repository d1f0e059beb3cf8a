"""What the parts of a spec must agree on: one small function a rule, each problem with the places that it is about.

A rule looks at what is valid and says nothing where what it needs is missing. None compares every node with every other
one: what overlaps is found by sorting, since a cluster may have 65,536 nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, TypeAlias, TypeVar

from netplan.errors import Location, Problem
from netplan.kinds.link.value import OVERHEAD
from netplan.net import Address, Prefix
from netplan.spec.draft import Draft, Path, without_subnet
from netplan.spec.explain import dotted, suggest
from netplan.spec.fields import MTU_MIN
from netplan.spec.model import Backend, CheckSpec, NodeSpec, StaticRoute
from netplan.spec.prefixes import around, nested
from netplan.spec.removals import check_removals

K = TypeVar("K")
_SHOWN: Final = 10  # names of nodes in one message
Note: TypeAlias = tuple[tuple[Location, str], ...]

_CHECKED: Final = frozenset({"ping", "tcp", "command"})
IP_FORWARD: Final = "net.ipv4.ip_forward"


def check(draft: Draft) -> Iterator[Problem]:
    """Give the problems of every rule; that a node has no subnet is none, until something needs it."""
    return chain.from_iterable(rule(draft) for rule in RULES)


def check_subnet_len(draft: Draft) -> Iterator[Problem]:
    """The pod network holds at least four subnets."""
    network, length = draft.network, draft.subnet_len
    if network and length and not draft.fitting_len:
        message = f"subnet_len: /{length} leaves less than four subnets in {network}"
        hint = f"write a number from {network.length + 2} to 30"
        yield Problem(draft.places.value("subnet_len"), message, hint, _network_note(draft))


def check_subnet_bounds(draft: Draft) -> Iterator[Problem]:
    """subnet_min and subnet_max are first addresses of subnets of the pod network."""
    network, length = draft.network, draft.fitting_len
    for key, bound in (("subnet_min", draft.subnet_min), ("subnet_max", draft.subnet_max)):
        if bound is None or network is None or length is None or draft.fits(bound):
            continue
        message, hint = f"{key}: {bound} lies outside the pod network {network}", ""
        if network.contains(bound):
            message = f"{key}: {bound} is not the first address of a /{length}"
            hint = f"write {around(bound, length).address}"
        yield Problem(draft.places.value(key), message, hint, _network_note(draft))


def check_subnet_bounds_order(draft: Draft) -> Iterator[Problem]:
    """subnet_min is not above subnet_max."""
    low, high = draft.subnet_min, draft.subnet_max
    if low and high and draft.fits(low) and draft.fits(high) and low > high:
        related = ((draft.places.value("subnet_max"), "subnet_max"),)
        message = f"subnet_min: {low} is above subnet_max, {high}: no subnet is left"
        yield Problem(draft.places.value("subnet_min"), message, "exchange the two", related)


def check_any_node(draft: Draft) -> Iterator[Problem]:
    """A cluster has nodes."""
    if draft.nodes is not None and not draft.nodes:
        hint = "add a line such as hdss7-21: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
        yield Problem(draft.places.key("nodes"), "nodes: the cluster has no node", hint)


def check_subnets_present(draft: Draft) -> Iterator[Problem]:
    """Every node has a subnet, its own or a leased one; nodes without one are one problem, since one command helps."""
    names = [name for name in without_any_subnet(draft) if not _misspelt(draft, name)]
    if names and draft.leases.known:
        message = f"{nodes(names)} {'has' if len(names) == 1 else 'have'} no subnet"
        hint = f"run {draft.leases.command(draft.places.path)}, or write the subnet here"
        yield Problem(draft.places.key("nodes", names[0]), message, hint)


def check_leases_agree(draft: Draft) -> Iterator[Problem]:
    """A node whose subnet stands in the spec has no other one among the leases."""
    for name, lease in draft.leases.entries.items():
        subnet = draft.subnets.get(name)
        if subnet is None or subnet == lease.subnet:
            continue
        message = f"node {name}: the lease {lease.subnet} is not the subnet of the spec, {subnet}"
        hint = f"take the subnet out of the spec, or drop the lease: {_release(draft, name)}"
        related = ((draft.subnet_at(name), f"the subnet of node {name}"),)
        yield Problem(draft.leases.at(name), message, hint, related)


def check_held_subnets(draft: Draft) -> Iterator[Problem]:
    """No node has a subnet that is still held for a node which has left the spec."""
    nodes = draft.nodes
    if nodes is None:
        return
    held = {name: lease.subnet for name, lease in draft.leases.entries.items() if name not in nodes}
    for one, other in nested({**draft.subnets, **held}) if held else ():
        name, gone = (one, other) if other in held else (other, one)
        if gone not in held or name in held:
            continue
        message = f"node {name}: subnet {draft.subnets[name]} is held for {gone}, which is not in the spec"
        related = ((draft.leases.at(gone), f"the lease of {gone}"),)
        hint = f"free it, if nothing uses it any more: {_release(draft, gone)}"
        yield Problem(draft.subnet_at(name), message, hint, related)


def check_subnets_inside_network(draft: Draft) -> Iterator[Problem]:
    """Every subnet is a part of the pod network."""
    network = draft.network
    for name, subnet in draft.subnets.items():
        if network and not network.contains(subnet.address):
            message = f"node {name}: subnet {subnet} lies outside the pod network {network}"
            yield Problem(draft.subnet_at(name), message, _other_lease(draft, name), _network_note(draft))


def check_subnets_length(draft: Draft) -> Iterator[Problem]:
    """Every subnet is of the cluster's length."""
    length = draft.fitting_len
    for name, subnet in draft.subnets.items():
        if length and subnet.length != length:
            message = f"node {name}: subnet {subnet} is a /{subnet.length}, and this cluster's are /{length}"
            hint = _other_lease(draft, name) or f"write {around(subnet.address, length)}"
            yield Problem(draft.subnet_at(name), message, hint)


def check_subnets_within_bounds(draft: Draft) -> Iterator[Problem]:
    """Every subnet of the pod network lies in subnet_min to subnet_max."""
    low = draft.subnet_min if draft.fits(draft.subnet_min) else None
    high = draft.subnet_max if draft.fits(draft.subnet_max) else None
    if low and high and low > high:
        return  # reported as such
    for name, subnet in draft.subnets.items():
        if not draft.network or not draft.network.contains(subnet.address):
            continue
        if low and subnet.address < low:
            yield _out_of_bounds(draft, name, "below", "subnet_min", low)
        if high and subnet.address > high:
            yield _out_of_bounds(draft, name, "above", "subnet_max", high)


def check_subnets_apart(draft: Draft) -> Iterator[Problem]:
    """No address belongs to the subnets of two nodes; a subnet that is too wide is reported for that alone."""
    for name, other in nested(draft.subnets):
        subnet, taken = draft.subnets[name], draft.subnets[other]
        if draft.fitting_len and taken.length < draft.fitting_len:
            continue
        what = f"{subnet} is already" if subnet == taken else f"{subnet} overlaps {taken},"
        message = f"node {name}: subnet {what} the subnet of node {other}"
        related = ((draft.subnet_at(other), f"the subnet of node {other}"),)
        yield Problem(draft.subnet_at(name), message, _apart_hint(draft, name, other), related)


def check_addresses_differ(draft: Draft) -> Iterator[Problem]:
    """No two nodes have one address."""
    for name, other in _repeated({name: host.address for name, host in draft.addresses.items()}):
        message = f"node {name}: {draft.addresses[name].address} is already the address of node {other}"
        yield Problem(_address_at(draft, name), message, "", _node_note(draft, other))


def check_addresses_outside_network(draft: Draft) -> Iterator[Problem]:
    """No node has an address of the pod network."""
    for name, host in draft.addresses.items():
        if draft.network and draft.network.contains(host.address):
            message = f"node {name}: {host} lies inside the pod network {draft.network}"
            hint = "the pod network is the pods' own; nodes have addresses of another"
            yield Problem(_address_at(draft, name), message, hint, _network_note(draft))


def check_segments_outside_network(draft: Draft) -> Iterator[Problem]:
    """No segment overlaps the pod network; one whose nodes lie inside is reported for that alone."""
    for segment, names in _segments(draft).items():
        first = names[0]
        if not draft.network or not segment.overlaps(draft.network):
            continue
        if not any(draft.network.contains(draft.addresses[name].address) for name in names):
            message = f"node {first}: the segment {segment} overlaps the pod network {draft.network}"
            hint = "check both prefix lengths: a node must know by its address whether a packet is for a pod"
            yield Problem(_address_at(draft, first), message, hint, _network_note(draft))


def check_segments_apart(draft: Draft) -> Iterator[Problem]:
    """Nodes that can reach each other write one prefix length: two segments are equal or apart."""
    segments = _segments(draft)
    for pair in nested({segment: segment for segment in segments}):
        few, many = sorted(pair, key=lambda segment: len(segments[segment]))
        name, other = segments[few][0], segments[many][0]
        if len(segments[few]) == len(segments[many]):  # then the later one in the file is the likelier mistake
            other, name = sorted((name, other), key=lambda each: _address_at(draft, each))
        message = f"node {name}: the segments of {draft.addresses[name]} and {draft.addresses[other]} overlap"
        hint = "nodes of one segment have one prefix length"
        yield Problem(_address_at(draft, name), message, hint, _node_note(draft, other))


def check_host_gw_segment(draft: Draft) -> Iterator[Problem]:
    """host-gw needs every node on one segment; who is not on the largest one is reported."""
    segments = _segments(draft)
    if draft.backend != "host-gw" or not segments:
        return
    home = max(segments, key=lambda segment: len(segments[segment]))
    other = segments[home][0]
    for segment, names in segments.items():
        for name in names if not segment.overlaps(home) else ():
            message = f"node {name}: host-gw can't route between its segment {segment} and {home} of node {other}"
            hint = "host-gw needs all nodes on one segment; across a router it takes a tunnel, such as vxlan"
            yield Problem(_address_at(draft, name), message, hint, _node_note(draft, other))


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


def check_tunnel_mtu(draft: Draft) -> Iterator[Problem]:
    """The packets of the tunnel fit into what the interfaces carry."""
    wanted = draft.tunnel.mtu
    for path, mtu in draft.tunnel.mtus.items() if draft.backend == "vxlan" else ():
        room = mtu - OVERHEAD
        if wanted is not None and wanted > room:
            message = (
                f"backend.mtu: {wanted} does not fit into {mtu} of {dotted(path)}: the tunnel needs {OVERHEAD} itself"
            )
            related = ((draft.places.key(*path), dotted(path)),)
            yield Problem(draft.places.value("backend", "mtu"), message, f"write at most {room}, or auto", related)
        elif room < MTU_MIN:
            message = f"{dotted(path)}: {mtu} leaves {room} for the tunnel's packets, and IPv4 needs {MTU_MIN}"
            yield Problem(draft.places.value(*path), message, f"it takes {MTU_MIN + OVERHEAD} or more")


def check_public_addresses(draft: Draft) -> Iterator[Problem]:
    """Peers send to each node at an address of its own, which is none of a pod's."""
    public = draft.tunnel.public_addresses
    own = {name: host.address for name, host in draft.addresses.items()}
    for name, other in _repeated(public):
        message = f"node {name}: {public[name]} is already the public address of node {other}"
        related = ((draft.places.value("nodes", other, "public_address"), f"the public address of node {other}"),)
        yield Problem(draft.places.value("nodes", name, "public_address"), message, "", related)
    holders = {address: name for name, address in own.items()} if public else {}
    for name, address in public.items():
        place = draft.places.value("nodes", name, "public_address")
        if draft.network and draft.network.contains(address):
            message = f"node {name}: {address} lies inside the pod network {draft.network}"
            yield Problem(place, message, "", _network_note(draft))
        if holders.get(address, name) != name:
            message = f"node {name}: {address} is the address of node {holders[address]}"
            yield Problem(place, message, "", _node_note(draft, holders[address]))


def check_routes(draft: Draft) -> Iterator[Problem]:
    """A route of a node leads to a prefix of its own, and says how."""
    holders = {subnet: name for name, subnet in draft.subnets.items()} if draft.routes else {}
    for path, other in _repeated({path: (path[1], route.prefix) for path, route in draft.routes.items()}):
        message = f"{dotted(path)}: {draft.routes[path].prefix} is routed in {dotted(other)} already"
        yield Problem(draft.places.key(*path), message, "", ((draft.places.key(*other), "the first one"),))
    for path, route in draft.routes.items():
        if route.prefix in holders:
            message = f"{dotted(path)}: {route.prefix} is the subnet of node {holders[route.prefix]}"
            related = ((draft.subnet_at(holders[route.prefix]), f"the subnet of node {holders[route.prefix]}"),)
            yield Problem(draft.places.key(*path), message, "podnet makes the routes to subnets itself", related)
        yield from _route_to_nowhere(draft, path, route)


def _route_to_nowhere(draft: Draft, path: Path, route: StaticRoute) -> Iterator[Problem]:
    host = draft.addresses.get(str(path[1]))
    if route.via is None and route.dev is None:
        hint = "write via and an address, or dev and a device"
        yield Problem(draft.places.key(*path), f"{dotted(path)} says neither via nor dev", hint)
    elif route.via and route.dev is None and host and not host.prefix.contains(route.via):
        message = f"{dotted(path)}: {route.via} does not lie on the node's segment {host.prefix}"
        note = ((_address_at(draft, str(path[1])), "the node's address"),)
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
    for path, (name, value) in draft.sysctls.items():
        if name == IP_FORWARD and value not in {"", "1"}:
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


RULES: Final[tuple[Callable[[Draft], Iterator[Problem]], ...]] = (
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
    check_tunnel_mtu,
    check_public_addresses,
    check_routes,
    check_lists_without_repetition,
    check_forwarding_stays_on,
    check_checks_say_one_thing,
    check_removals,
)


def without_any_subnet(draft: Draft) -> list[str]:
    """Give the nodes that have no subnet, neither from the spec nor leased."""
    nodes = (draft.nodes or {}).items()
    return [name for name, node in nodes if without_subnet(node) and name not in draft.leases.entries]


def nodes(names: Sequence[str]) -> str:
    """Write names in a sentence, the first ones of many: `node a`, `nodes a and b`."""
    if len(names) == 1:
        return f"node {names[0]}"
    shown, more = names[:_SHOWN], len(names) - _SHOWN
    if more > 0:
        return f"nodes {', '.join(shown)} and {more} more"
    return f"nodes {', '.join(shown[:-1])} and {shown[-1]}"


def _misspelt(draft: Draft, name: str) -> bool:
    """Whether a key of a node looks like `subnet`; it is reported as such."""
    node = (draft.nodes or {})[name]
    keys = node.keys() - NodeSpec.model_fields.keys() if isinstance(node, dict) else ()
    return any(suggest(key, ("subnet",)) for key in keys)


def _release(draft: Draft, name: str) -> str:
    return draft.leases.command(draft.places.path, "--release", name)


def _other_lease(draft: Draft, name: str) -> str:
    """Say how a node that leased its subnet gets another one."""
    return f"{_release(draft, name)} gives it another one" if draft.leased(name) else ""


def _apart_hint(draft: Draft, name: str, other: str) -> str:
    """Say how one of two nodes that leased one subnet gets another; two people may have added a node each."""
    if not draft.leased(name):
        return _other_lease(draft, other)
    if not draft.leased(other):
        return _other_lease(draft, name)
    return f"{_release(draft, name)} gives {name} another one; if {name} is in use already, release {other} instead"


def _segments(draft: Draft) -> dict[Prefix, list[str]]:
    segments: dict[Prefix, list[str]] = {}
    for name, host in draft.addresses.items():
        segments.setdefault(host.prefix, []).append(name)
    return segments


def _repeated(values: Mapping[K, Hashable]) -> Iterator[tuple[K, K]]:
    """Give each key whose value an earlier key has too, with that key."""
    first: dict[Hashable, K] = {}
    for key, value in values.items():
        earlier = first.setdefault(value, key)
        if earlier != key:
            yield key, earlier


def _out_of_bounds(draft: Draft, name: str, where: str, key: str, bound: Address) -> Problem:
    message = f"node {name}: subnet {draft.subnets[name]} is {where} {key}, {bound}"
    note = ((draft.places.value(key), key),)
    return Problem(draft.subnet_at(name), message, _other_lease(draft, name), note)


def _address_at(draft: Draft, name: str) -> Location:
    return draft.places.value("nodes", name, "address")


def _node_note(draft: Draft, name: str) -> Note:
    return ((_address_at(draft, name), f"the address of node {name}"),)


def _network_note(draft: Draft) -> Note:
    return ((draft.places.value("network"), "the pod network"),)
