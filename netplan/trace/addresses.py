"""The addresses of a node, those that it shares with its networks, and which of them it sends from.

An IPv6 source is chosen as RFC 6724 says (net/ipv6/addrconf.c, ipv6_dev_get_saddr).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from netplan.kinds.address.value import HOST_SCOPE, LINK_SCOPE, UNIVERSE, LinkAddress
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.forwarding import FORWARDING
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import BITS, Address, Prefix
from netplan.trace.intervals import Intervals, join, meet, minus, of_prefix, of_prefixes, only, pairs_of, single, union

LOOPBACK: Final = "lo"
LOOPBACK_NET: Final = {4: Prefix(4, 0x7F000000, 8), 6: Prefix(6, 1, 128)}
MULTICAST: Final = {4: Prefix(4, 0xE0000000, 4), 6: Prefix(6, 0xFF << 120, 8)}
THIS_NET: Final = {4: Prefix(4, 0, 8), 6: Prefix(6, 0, 128)}
LIMITED_BROADCAST: Final = Address(4, 0xFFFFFFFF)
_LINK_LOCAL: Final = Prefix.parse("fe80::/10")
_LINK, _GLOBAL = 2, 14
_LABELS: Final = {
    Prefix.parse("::1/128"): 0,
    Prefix.parse("fc00::/7"): 13,
    Prefix.parse("2002::/16"): 2,
    Prefix.parse("2001::/32"): 5,
    Prefix.parse("::ffff:0:0/96"): 4,
    Prefix.parse("::/96"): 3,
}
_OTHER_LABEL: Final = 1


class NodeAddresses:
    """The addresses of a state, of one IP version.

    `own` are those that the node holds or shares, by their devices, and whether it shares them with others.
    """

    def __init__(self, snapshot: Snapshot, version: int) -> None:
        self.version = version
        assigned = snapshot.all(LinkAddress)
        self._addresses = tuple(own for own in assigned if own.address.address.version == version)
        self._primary = list(_primary(self._addresses))
        self._local = {own.address.address: own.link for own in self._addresses}
        self._shared = dict(self._shared_addresses(snapshot))
        self.own = tuple(self._held())

    def _shared_addresses(self, snapshot: Snapshot) -> Iterator[tuple[Address, str]]:
        """Return the broadcast addresses of the node's networks, or the subnet-router anycast addresses of a router."""
        forwarding = {sysctl.value for sysctl in snapshot.all(Sysctl) if sysctl.name == FORWARDING[6]}
        for primary in self._primary:
            if primary.address.length < BITS[self.version] - 1 and (self.version == 4 or forwarding == {"1"}):
                yield primary.address.prefix.host(-1 if self.version == 4 else 0), primary.link

    def _held(self) -> Iterator[tuple[Intervals, str, bool]]:
        """Return the node's addresses by their devices, and whether it shares them with others on the network."""
        local = [(only(address.value), device, False) for address, device in self._local.items()]
        loopback = of_prefix(LOOPBACK_NET[self.version])
        of_others = union((address.value, address.value) for address, device in self._local.items() if device)
        shared = [(only(address.value), device, True) for address, device in self._shared.items()]
        alone = [place for place in shared if not meet(place[0], of_others)]
        devices: dict[tuple[str, bool], list[tuple[int, int]]] = {}
        for addresses, device, is_shared in [*local, *alone]:
            devices.setdefault((device, is_shared), []).extend(pairs_of(addresses))
        devices.setdefault((LOOPBACK, False), []).extend(pairs_of(minus(loopback, of_others)))
        return ((union(pairs), device, is_shared) for (device, is_shared), pairs in devices.items())

    def holder(self, address: Address) -> str | None:
        """Return the device that carries an address, None if the node does not have it."""
        device = self._local.get(address)
        return LOOPBACK if device is None and is_loopback(address) else device

    def sharer(self, address: Address) -> str | None:
        """Return the device whose broadcast address, or anycast address, this is."""
        return self._shared.get(address)

    def first_address(self, device: str) -> Address | None:
        """Return the first address of a device."""
        return next((own.address.address for own in self._addresses if own.link == device), None)

    def networks_of(self, device: str) -> Intervals:
        """Return the addresses of the networks that a device has an address in, but for those of the link alone."""
        wide = (own for own in self._addresses if own.link == device and _scope(own) == UNIVERSE)
        return of_prefixes(own.address.prefix for own in wide)

    def own_source(self, destination: Address, route: Route | None = None) -> Address:
        """Return the source of a packet that this node sends to itself, maybe by a local route, from an unbound socket.

        It is the primary address of the destination's prefix (net/ipv4/fib_frontend.c, fib_add_ifaddr), or the
        destination; of IPv6 it is chosen as for other packets, and is the destination if the node has that.
        """
        if route is not None and route.prefsrc is not None:
            return route.prefsrc
        if self.version == 6:
            return self.select_address(LOOPBACK, destination) or destination
        device = self.holder(destination)
        for primary in self._primary:
            if primary.link == device and primary.address.prefix.contains(destination):
                return primary.address.address
        return destination

    def source(self, route: Route, device: str, next_hop: Address | None, destination: Address) -> Address | None:
        """Return the source of a packet that this node sends from an unbound socket by a route.

        net/ipv4/fib_semantics.c, fib_result_prefsrc; net/ipv6/ip6_route.h, ip6_route_get_saddr.
        """
        if route.prefsrc is not None:
            return route.prefsrc
        if self.version == 6:
            return self.select_address(device, destination)
        return self.select_address(device, next_hop, UNIVERSE if next_hop is not None else LINK_SCOPE)

    def select_address(self, device: str, towards: Address | None, scope: int = UNIVERSE) -> Address | None:
        """Choose an address of a device as MASQUERADE does (net/ipv4/devinet.c, inet_select_addr).

        It is the first primary one in whose prefix `towards` lies, else the first of all, else one of another device.
        For IPv6 the kernel compares them all (`sources`), and `towards` is the destination.
        """
        if self.version == 6:
            return None if towards is None else ipv6_source(self._addresses, device, towards)
        fitting = [own for own in self._primary if own.link == device and _scope(own) <= scope]
        for own in fitting:
            if towards is None or own.address.prefix.contains(towards):
                return own.address.address
        others = (own for own in self._primary if _scope(own) <= scope and _scope(own) != LINK_SCOPE)
        return next((own.address.address for own in [*fitting[:1], *others]), None)

    def sources_towards(self, device: str, towards: Intervals | None) -> Intervals:
        """Return the addresses that MASQUERADE may choose on a device towards some addresses, None: towards any.

        Those of other devices count where the device has none (net/ipv6/addrconf.c, ipv6_dev_get_saddr).
        """
        value = single(towards)
        if value is not None:
            chosen = self.select_address(device, Address(self.version, value))
            return () if chosen is None else only(chosen.value)
        if self.version == 6:
            own = [assigned for assigned in self._addresses if assigned.link == device]
            addresses = _wide(own) or _wide(self._addresses) or _plain(own)
            return union((address.value, address.value) for address in addresses)
        fitting = [own.address for own in self._primary if own.link == device and _scope(own) <= UNIVERSE]
        others = self.select_address(device, None)
        near = [own.address for own in fitting if towards is None or meet(towards, of_prefix(own.prefix))]
        chosen_ones = [*near, *([] if others is None else [others])]
        return union((address.value, address.value) for address in chosen_ones)


def _plain(assigned: Iterable[LinkAddress]) -> list[Address]:
    return [own.address.address for own in assigned]


def _wide(assigned: Iterable[LinkAddress]) -> list[Address]:
    """Return the addresses that are valid beyond a link."""
    return [address for address in _plain(assigned) if _reach(address) != _LINK]


def is_loopback(address: Address) -> bool:
    """Whether an address is one of 127.0.0.0/8, or ::1."""
    return LOOPBACK_NET[address.version].contains(address)


@cache
def no_sources(version: int) -> Intervals:
    """Return the addresses that no packet may have as its source."""
    never = join(of_prefix(MULTICAST[version]), of_prefix(THIS_NET[version]))
    return join(never, only(LIMITED_BROADCAST.value)) if version == 4 else never


def _scope(assigned: LinkAddress) -> int:
    """Return how far an address is valid; records made before it was recorded tell it of loopback addresses only."""
    return HOST_SCOPE if is_loopback(assigned.address.address) else assigned.scope


def _primary(addresses: tuple[LinkAddress, ...]) -> Iterator[LinkAddress]:
    """Return the addresses that are not secondary: no earlier one of the same device is in the same prefix."""
    seen: set[tuple[str, Prefix]] = set()
    for assigned in addresses:
        key = (assigned.link, assigned.address.prefix)
        if key not in seen:
            seen.add(key)
            yield assigned


def ipv6_source(addresses: Iterable[LinkAddress], device: str, destination: Address) -> Address | None:
    """Choose a node's source for packets that leave by a device, None if there is none; of equals the first.

    Which addresses are deprecated or temporary is not known here: they count as the others do.
    """
    near = _reach(destination) == _LINK
    fitting = [
        address
        for address in addresses
        if address.link == device or not (near or _reach(address.address.address) == _LINK)
    ]
    best = max(fitting, key=lambda address: _rank(address, device, destination), default=None)
    return None if best is None else best.address.address


def _rank(candidate: LinkAddress, device: str, destination: Address) -> tuple[int, ...]:
    address = candidate.address.address
    scope, wanted = _reach(address), _reach(destination)
    return (
        address == destination,
        -scope if scope >= wanted else scope - _GLOBAL * 2,
        candidate.link == device,
        _label(address) == _label(destination),
        min(_common(address, destination), candidate.address.length),
    )


def _reach(address: Address) -> int:
    return _LINK if _LINK_LOCAL.contains(address) or address.value == 1 else _GLOBAL


def _label(address: Address) -> int:
    return next((label for prefix, label in _LABELS.items() if prefix.contains(address)), _OTHER_LABEL)


def _common(one: Address, other: Address) -> int:
    """Count the leading bits that two addresses have in common."""
    return BITS[6] - (one.value ^ other.value).bit_length()
