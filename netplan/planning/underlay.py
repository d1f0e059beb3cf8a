"""A node's underlay: the interface with its address, what the spec leaves to that, and what the spec has wrong of it.

All of it is checked before anything is written: the kernel would refuse the routes and the tunnel one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count
from typing import Final

from msgspec.structs import replace

from netplan.desired.model import Desired
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link, Vxlan, tunnel_ports
from netplan.kinds.resource import Change, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import BITS, IPV6_MTU_MIN, Address, IfName, InterfaceAddress
from netplan.planning.obstacles import Obstacle
from netplan.spec.topology import AUTO, Node, in_words, is_unnamed

_LOOPBACK: Final = IfName("lo")
_FIRST_OTHER_PORT: Final = 8473


def resolved(node: Node, links: Iterable[Link], addresses: Iterable[LinkAddress]) -> Node:
    """Return the node with the interface and the MTU that its spec leaves to its devices.

    Where none of them holds the node's address, or more than one, the interface stays `auto`.
    """
    by_name = {link.name: link for link in links}
    if node.interface == AUTO:
        holders = holders_of(node.address, by_name.values(), addresses)
        node = replace(node, interface=holders[0]) if len(holders) == 1 else node
    link = by_name.get(node.interface)
    return replace(node, mtu=link.mtu, mtu_assumed=False) if link is not None and node.mtu_assumed else node


def resolved_in(node: Node, state: Snapshot) -> Node:
    """Return the node with the interface and the MTU that its spec leaves to its devices, as they are in a state."""
    return resolved(node, state.all(Link), state.all(LinkAddress))


def unresolved(node: Node) -> Node:
    """Return the node with a description in place of an interface that only its devices could name."""
    return replace(node, interface=in_words(node.address.address)) if node.interface == AUTO else node


def holders_of(
    address: InterfaceAddress, links: Iterable[Link], addresses: Iterable[LinkAddress]
) -> tuple[IfName, ...]:
    """Return the devices that have an address: only those with its prefix if any has it, only those up if any is."""
    foreign = {link.name: link for link in links if not link.ours and link.name != _LOOPBACK}
    same = [entry for entry in addresses if entry.address.address == address.address and entry.link in foreign]
    same = [entry for entry in same if entry.address.prefix == address.prefix] or same
    up = [entry.link for entry in same if foreign[entry.link].up]
    return tuple(dict.fromkeys(up or [entry.link for entry in same]))


def obstacles(desired: Desired, changes: Sequence[Change[Resource]], state: Snapshot) -> Iterator[Obstacle]:
    """Return what of a plan the kernel would refuse with its devices as they are, and the line of the spec to write."""
    node = desired.reported_traffic[0].node
    yield from missing_interfaces(changes, node.address.address, state, node.interface)
    yield from _down(changes, state)
    for change in changes:
        link = change.after
        if isinstance(link, Link) and link.vxlan is not None:
            texts = (
                *_elsewhere(node.address, node, link.vxlan.device, state),
                *_port_taken(link.vxlan, _beside(link, changes, state), state),
                *_too_wide(link, change.before, desired, state),
            )
            yield from (Obstacle.before(text, [link]) for text in texts)


def warnings(desired: Desired, changes: Iterable[Change[Resource]], state: Snapshot) -> Iterator[str]:
    """Return which device has an address of the node, where routes of its IP version leave by another one."""
    node = desired.reported_traffic[0].node
    routes = [change.after for change in changes if isinstance(change.after, Route)]
    versions = {route.prefix.version for route in routes if route.oif == node.interface and route.next_hop is not None}
    for address in node.addresses:
        if address.address.version in versions:
            yield from _elsewhere(address, node, node.interface, state)


def elsewhere(
    node: str, address: Address, changes: Iterable[Change[Resource]], state: Snapshot, others: Iterable[Address] = ()
) -> Iterator[str | Obstacle]:
    """Return that a machine is not the node that it was taken for, if none of its devices has the node's address.

    Where one has another of the node's addresses, of `others`, that of one IP version is missing: its routes have to
    wait.
    """
    present = {entry.address.address for entry in state.all(LinkAddress)}
    if address in present:
        return
    text = f"{address}, the address of {node}, is on no interface of this machine"
    if present.isdisjoint(others):
        yield f"{text}: use --node for the node that this is"
        return
    routes = [change.resource for change in changes if isinstance(change.resource, Route)]
    own = [route for route in routes if route.prefix.version == address.version]
    yield Obstacle.before(f"{text}: give it back, or write the one that it has now into the spec", own)


def missing_interfaces(
    changes: Iterable[Change[Resource]], address: Address, state: Snapshot, interface: IfName | None = None
) -> Iterator[Obstacle]:
    """Return the devices that changes need and a node does not have, as obstacles, with the one that has its address.

    `interface` is the node's, None where that is unknown.
    """
    links = {link.name for link in state.all(Link)}
    after = [change.after for change in changes if change.after is not None]
    created = {link.name for link in after if isinstance(link, Link)}
    users = _users(after)
    for name in sorted(users.keys() - links - created) if links else ():
        own = InterfaceAddress(address, BITS[address.version])
        holders = holders_of(own, state.all(Link), state.all(LinkAddress)) if interface in (None, name) else ()
        if is_unnamed(name):
            text = f"interface: auto: {_which(address, holders)}"
        else:
            text = f"there is no interface {name} on this node{_written(address, holders)}"
        yield Obstacle.before(text, users[name])


def _down(changes: Iterable[Change[Resource]], state: Snapshot) -> Iterator[Obstacle]:
    """Return the devices of routes that are down, as obstacles: the kernel takes no route by one."""
    users = _users(change.after for change in changes if isinstance(change.after, Route))
    down = [link.name for link in state.all(Link) if link.name in users and not link.up and not link.ours]
    yield from (Obstacle.before(f"the interface {name} is down: ip link set {name} up", users[name]) for name in down)


def _users(resources: Iterable[Resource]) -> dict[IfName, list[Resource]]:
    """Return the resources by the devices that they leave by."""
    users: dict[IfName, list[Resource]] = {}
    for resource in resources:
        for device in _devices(resource):
            users.setdefault(device, []).append(resource)
    return users


def _devices(resource: Resource) -> Iterator[IfName]:
    """Return the devices that a route leaves by, or a tunnel's packets."""
    if isinstance(resource, Link) and resource.vxlan is not None and resource.vxlan.device is not None:
        yield resource.vxlan.device
    if isinstance(resource, Route):
        yield from (oif for oif in (resource.oif, *(hop.oif for hop in resource.hops)) if oif is not None)


def _which(address: Address, holders: Sequence[IfName]) -> str:
    if len(holders) == 1:
        return f"{address} is on {holders[0]}, which was not known as the plan was made: plan again with --live"
    if not holders:
        return f"no interface of this node holds {address}"
    return f"{address} is on {' and on '.join(holders)}: write interface: {holders[0]}, or the other one"


def _written(address: Address, holders: Sequence[IfName]) -> str:
    """Return where an address is, and the line for the spec."""
    if not holders:
        return ""
    return f": {address} is on {' and on '.join(holders)}; write interface: {holders[0]}, or interface: auto"


def _elsewhere(address: InterfaceAddress, node: Node, device: IfName | None, state: Snapshot) -> Iterator[str]:
    """Return which other device has an address that should be on an existing device."""
    links = state.all(Link)
    holders = holders_of(address, links, state.all(LinkAddress))
    if not holders or device in holders or all(link.name != device for link in links):
        return
    if address == node.address:
        yield f"{device} does not hold the address of {node.name}{_written(address.address, holders)}"
    else:
        yield (
            f"{address.address} is on {' and on '.join(holders)}, and {node.address.address} on {device}: "
            f"{node.name} needs both on one interface"
        )


def shut_out(changes: Collection[Change[Resource]], state: Snapshot) -> Iterator[Obstacle]:
    """Return the tunnels of changes that the kernel would not make, or let up, beside others or a program's socket."""
    for change in changes:
        link = change.after
        if isinstance(link, Link) and link.vxlan is not None:
            others = _beside(link, changes, state)
            texts = *_excluded(link, others), *_port_taken(link.vxlan, others, state)
            yield from (Obstacle.before(text, [link]) for text in texts)


def _beside(tunnel: Link, changes: Iterable[Change[Resource]], state: Snapshot) -> list[Link]:
    """Return the other tunnels of a state that stay."""
    deleted = {change.before for change in changes if change.after is None}
    others = (link for link in state.all(Link) if link.vxlan is not None and link.name != tunnel.name)
    return [link for link in others if link not in deleted]


def _excluded(link: Link, others: Iterable[Link]) -> Iterator[str]:
    """Return which tunnel receives the same packets."""
    for other in others:
        if link.excludes(other):
            yield f"link {link} can't be made beside {other}, which is {other.installer}: ip link del {other.name}"


def _port_taken(vxlan: Vxlan, others: Sequence[Link], state: Snapshot) -> Iterator[str]:
    """Return which tunnel or program has the UDP port for itself."""
    taken = {socket.port for socket in state.sockets} | tunnel_ports(others)
    free = next(port for port in count(_FIRST_OTHER_PORT) if port not in taken)
    line = f"write port: {free} in backend, for all nodes"
    for other in others:
        if vxlan.shut_out_by(other):
            yield f"UDP port {vxlan.port} is taken by {other.name} ({other.installer}): {line}"
    for socket in state.sockets:
        if socket.shuts_out(vxlan):
            yield f"UDP port {vxlan.port} is taken by a socket of {socket.program}: stop it, or {line}"


def _too_wide(link: Link, before: Resource | None, desired: Desired, state: Snapshot) -> Iterator[str]:
    """Return that a tunnel's packets do not fit into its interface, or packets of IPv6 not into the tunnel."""
    vxlan = link.vxlan
    carried = {other.name: other.mtu for other in state.all(Link)}
    same = isinstance(before, Link) and before.can_become(link) and before.mtu == link.mtu
    if vxlan is None or vxlan.device not in carried or same:
        return
    mtu = carried[vxlan.device]
    room = mtu - vxlan.overhead
    if link.mtu > room:
        yield (
            f"the kernel would refuse {link.name} the MTU {link.mtu}: {vxlan.device} carries {mtu}, and the tunnel "
            f"needs {vxlan.overhead} itself; write mtu: {mtu} or mtu: auto for this node, or mtu: {room} in backend"
        )
    elif link.mtu < IPV6_MTU_MIN and any(traffic.version == 6 for traffic in desired.reported_traffic):
        yield (
            f"the kernel would refuse {link.name} its IPv6 addresses: its MTU is {link.mtu}, and IPv6 needs "
            f"{IPV6_MTU_MIN}; give {vxlan.device} ({mtu}) an MTU of {IPV6_MTU_MIN + vxlan.overhead} or more"
        )
