"""How a node's kernel routes: its local addresses, its main table, and the source addresses that it chooses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netplan.kinds.address.value import HOST_SCOPE, LINK_SCOPE, UNIVERSE, LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.net import Address, Prefix
from netplan.snapshot import Snapshot

LOOPBACK: Final = "lo"

_BITS: Final = 32
_LOOPBACK_NET: Final = Prefix(4, 0x7F000000, 8)
_MULTICAST: Final = Prefix(4, 0xE0000000, 4)
_THIS_NET: Final = Prefix(4, 0, 8)
_TYPES: Final = {"local": "LOCAL", "broadcast": "BROADCAST", "anycast": "ANYCAST", "multicast": "MULTICAST"}
_EVERYBODY: Final = Address(4, 0xFFFFFFFF)


class Fib:
    """The forwarding information base of a state: local table and main table, without rules of policy routing."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._types: dict[str, str | None] = {link.name: link.type for link in snapshot.all(Link)}
        self._addresses = snapshot.all(LinkAddress)
        self._primary = list(_primary(self._addresses))
        self._local = {held.address.address: held.link for held in self._addresses}
        self._broadcast = {
            held.address.prefix.host(-1): held.link for held in self._primary if held.address.length < _BITS - 1
        }
        self._routes: dict[int, dict[int, Route]] = {}
        for route in snapshot.all(Route):
            if route.table == MAIN_TABLE and route.prefix.version == 4:
                self._add(route)
        self._lengths = sorted(self._routes, reverse=True)

    def _add(self, route: Route) -> None:
        """Keep a route unless there is one of its prefix with a lower metric."""
        same_length = self._routes.setdefault(route.prefix.length, {})
        other = same_length.get(route.prefix.value)
        if other is None or route.metric < other.metric:
            same_length[route.prefix.value] = route

    def type_of(self, address: Address, *devices: str) -> str:
        """Give an address's type as `-m addrtype` sees it; of the devices, if any is given, all others are UNICAST.

        net/ipv4/fib_frontend.c, __inet_dev_addr_type. It asks the local table, which without rules of policy routing is
        one with the main table: a local route of that counts too.
        """
        if address == _EVERYBODY or _THIS_NET.contains(address):
            return "BROADCAST"
        if _MULTICAST.contains(address):
            return "MULTICAST"
        device, found = self._own(address)
        return found if all(device == each for each in devices) else "UNICAST"

    def _own(self, address: Address) -> tuple[str | None, str]:
        for device, found in ((self.holder(address), "LOCAL"), (self._broadcast.get(address), "BROADCAST")):
            if device is not None:
                return device, found
        route = self.route_to(address)
        if route is not None and route.type in _TYPES:
            return route.oif, _TYPES[route.type]
        return None, "UNICAST"

    def holder(self, address: Address) -> str | None:
        """Give the device that carries an address, None if the node does not have it."""
        held = self._local.get(address)
        return LOOPBACK if held is None and is_loopback(address) else held

    def broadcaster(self, address: Address) -> str | None:
        """Give the device whose broadcast address this is."""
        return self._broadcast.get(address)

    def route_to(self, address: Address) -> Route | None:
        """Look an address up in the main table: the longest prefix, then the lowest metric."""
        for length in self._lengths:
            host_bits = _BITS - length
            route = self._routes[length].get(address.value >> host_bits << host_bits)
            if route is not None:
                return route
        return None

    def is_bridge(self, device: str) -> bool:
        """Whether a device is a bridge; one of a record that does not tell is taken for one."""
        return self._types.get(device) in (None, "bridge")

    def first_address(self, device: str) -> Address | None:
        """Give the first address of a device."""
        return next((held.address.address for held in self._addresses if held.link == device), None)

    def own_source(self, destination: Address) -> Address:
        """Give the source of a packet that this node sends to itself from an unbound socket.

        It is the primary address of the destination's prefix (net/ipv4/fib_frontend.c, fib_add_ifaddr).
        """
        device = self.holder(destination)
        for held in self._primary:
            if held.link == device and held.address.prefix.contains(destination):
                return held.address.address
        return destination

    def source(self, route: Route, device: str, next_hop: Address | None) -> Address | None:
        """Give the source of a packet that this node sends from an unbound socket by a route.

        net/ipv4/fib_semantics.c, fib_result_prefsrc.
        """
        if route.prefsrc is not None:
            return route.prefsrc
        return self.select_address(device, next_hop, UNIVERSE if next_hop is not None else LINK_SCOPE)

    def select_address(self, device: str, towards: Address | None, scope: int = UNIVERSE) -> Address | None:
        """Choose an address of a device as MASQUERADE does (net/ipv4/devinet.c, inet_select_addr).

        It is the first primary one in whose prefix `towards` lies, else the first of all, else one of another device.
        """
        fitting = [held for held in self._primary if held.link == device and _scope(held) <= scope]
        for held in fitting:
            if towards is None or held.address.prefix.contains(towards):
                return held.address.address
        others = (held for held in self._primary if _scope(held) <= scope and _scope(held) != LINK_SCOPE)
        return next((held.address.address for held in [*fitting[:1], *others]), None)


def is_loopback(address: Address) -> bool:
    """Whether an address is one of 127.0.0.0/8."""
    return _LOOPBACK_NET.contains(address)


def is_martian_source(address: Address) -> bool:
    """Whether no packet may have an address as its source."""
    return address == _EVERYBODY or _MULTICAST.contains(address) or _THIS_NET.contains(address)


def _scope(held: LinkAddress) -> int:
    """Give how far an address is valid; records made before it was recorded tell it of loopback addresses only."""
    return HOST_SCOPE if is_loopback(held.address.address) else held.scope


def _primary(addresses: tuple[LinkAddress, ...]) -> Iterator[LinkAddress]:
    """Give the addresses that are not secondary: no earlier one of the same device is in the same prefix."""
    seen: set[tuple[str, Prefix]] = set()
    for held in addresses:
        key = (held.link, held.address.prefix)
        if key not in seen:
            seen.add(key)
            yield held
