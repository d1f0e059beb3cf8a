"""Which node receives what another one sends by a device: the one that holds the next hop's address on its network."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.snapshot import Snapshot
from netplan.net import BITS, Address, IfName, Prefix
from netplan.trace.addresses import LOOPBACK
from netplan.trace.firewall.targets import Did
from netplan.trace.firewall.walk import Step
from netplan.trace.flow import DESTINATION, Flow, Various
from netplan.trace.intervals import Intervals, meet, minus, of_prefixes, only, pairs_of, union
from netplan.trace.split import cut
from netplan.trace.tracer import Tracer


class Host(Struct, frozen=True, dict=True):
    """A node of the cluster: its state, None where it is not known, and what the spec says of it.

    `addresses` are its own on the underlay; `public_address` is the one that routers translate to the first of them.
    """

    name: str
    state: Snapshot | None
    addresses: tuple[Address, ...]
    subnets: tuple[Prefix, ...]
    bridge: IfName
    interface: IfName
    public_address: Address | None = None

    @cached_property
    def tracer(self) -> Tracer | None:
        """What follows packets through its state, each next hop by itself."""
        return None if self.state is None else Tracer(self.state, None)

    @cached_property
    def held(self) -> dict[Address, str]:
        """The addresses that the node holds but for those of its loopback device, and by which devices."""
        if self.state is None:
            return dict.fromkeys(self.addresses, self.interface)
        assigned = [own for own in self.state.all(LinkAddress) if own.link != LOOPBACK]
        return {own.address.address: own.link for own in assigned}

    def networks_of(self, device: str | None, version: int) -> Intervals:
        """Return the addresses of the networks that a device is on."""
        return () if self.tracer is None or device is None else self.tracer.fib(version).networks_of(device)

    def is_up(self, device: str) -> bool:
        """Whether a device is up, or not known."""
        return all(link.up for link in self.state.all(Link) if link.name == device) if self.state is not None else True


class Receiver(NamedTuple):
    """The node that receives packets, and by which device; routers gave them the destination in `translated`.

    Where `routed` is true they came by a router.
    """

    host: Host
    device: str
    translated: Address | None = None
    routed: bool = False


Onwards = tuple[Flow, Receiver | Step | None]
"""Packets, and the node that receives them, None if that is no node; or why that is not known, or why none does."""


class Underlay:
    """The networks between nodes, as the addresses of these show them."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        hosts = tuple(hosts)
        self._held = _Index((address, (host, device)) for host in hosts for address, device in host.held.items())
        self._named = _Index(
            (address, host) for host in hosts for address in (*host.addresses, host.public_address) if address
        )
        subnets = [subnet for host in hosts for subnet in host.subnets]
        self._pods = {
            version: of_prefixes(subnet for subnet in subnets if subnet.version == version) for version in BITS
        }

    def onwards(
        self, sender: Host, device: str, next_hop: Address | Various | None, packets: Flow
    ) -> Iterator[Onwards]:
        """Divide packets that a node sends by a device by who receives them."""
        if isinstance(next_hop, Address):
            receivers = self._receivers(sender, device, packets.version, only(next_hop.value))
            if receivers:
                yield packets, _one_of(receivers[next_hop.value])
            else:
                yield from self._by_router(packets, next_hop)
            return
        others = packets.destinations
        for value, receivers_of in self._receivers(sender, device, packets.version, others).items():
            yield from ((part, _one_of(receivers_of)) for part in cut(packets, DESTINATION, only(value)).inside)
            others = minus(others, only(value))
        yield from ((part, None) for part in cut(packets, DESTINATION, others).inside)

    def _receivers(self, sender: Host, device: str, version: int, addresses: Intervals) -> dict[int, list[Receiver]]:
        """Return the nodes that hold some addresses, by these, and the device by which each is on a network.

        Where the sender's network is not known by its addresses, the nodes' interfaces are taken to be on it.
        """
        networks = sender.networks_of(device, version)
        alone = all(first == last for first, last in pairs_of(networks))
        receivers: dict[int, list[Receiver]] = {}
        for value, (host, holder) in self._held.between(version, addresses):
            by_itself = alone and holder == host.interface
            receiving = holder if by_itself else _attached(host, holder, version, networks)
            if host.name != sender.name and receiving is not None:
                receivers.setdefault(value, []).append(Receiver(host, receiving))
        return receivers

    def _by_router(self, packets: Flow, router: Address) -> Iterator[Onwards]:
        """Divide packets that go to a router outside of the cluster."""
        others = packets.destinations
        for value, host in self._named.between(packets.version, others):
            others = minus(others, only(value))
            for part in cut(packets, DESTINATION, only(value)).inside:
                yield part, _behind_router(host, part.first_destination)
        to_pods = meet(others, self._pods[packets.version])
        for part in cut(packets, DESTINATION, to_pods).inside:
            why = f"unknown: whether {router}, which is no node, leads to {part.first_destination}"
            yield part, Step("router", str(router), Did.UNKNOWN, why, certain=False)
        yield from ((part, None) for part in cut(packets, DESTINATION, minus(others, to_pods)).inside)


def _behind_router(host: Host, destination: Address) -> Receiver:
    """Return the node to which a router brings packets, to an address of its own in the place of its public one."""
    if destination != host.public_address or destination in host.held:
        return Receiver(host, host.held.get(destination, host.interface), routed=True)
    own = next((address for address in host.addresses if address.version == destination.version), destination)
    return Receiver(host, host.held.get(own, host.interface), own, routed=True)


def _one_of(receivers: Sequence[Receiver]) -> Receiver | Step:
    """Return the one node that receives packets, or why none does, or which one is not known."""
    (first, *others) = receivers
    if others:
        names = " and ".join(receiver.host.name for receiver in receivers)
        return Step("network", "", Did.UNKNOWN, f"unknown: {names} hold the same address", certain=False)
    if not first.host.is_up(first.device):
        return Step("network", "", Did.REFUSED, f"dropped: {first.device} of {first.host.name} is down")
    return first


def _attached(host: Host, holder: str, version: int, networks: Intervals) -> str | None:
    """Return the device by which a node is on some networks, first the one that holds the address."""
    if host.state is None:
        own = union((address.value, address.value) for address in host.addresses if address.version == version)
        return holder if meet(own, networks) else None
    devices = dict.fromkeys((holder, host.interface, *host.held.values()))
    return next((device for device in devices if meet(host.networks_of(device, version), networks)), None)


T = TypeVar("T")


class _Index(Generic[T]):
    """What stands at addresses, to be found by sets of these."""

    def __init__(self, places: Iterable[tuple[Address, T]]) -> None:
        by_version: dict[int, list[tuple[int, T]]] = {version: [] for version in BITS}
        for address, item in places:
            by_version[address.version].append((address.value, item))
        self._places = {version: sorted(here, key=_value) for version, here in by_version.items()}
        self._values = {version: list(map(_value, here)) for version, here in self._places.items()}

    def between(self, version: int, addresses: Intervals) -> Iterator[tuple[int, T]]:
        """Return what stands at some addresses, with these."""
        for first, last in pairs_of(addresses):
            start, stop = bisect_left(self._values[version], first), bisect_right(self._values[version], last)
            yield from self._places[version][start:stop]


def _value(place: tuple[int, object]) -> int:
    return place[0]
