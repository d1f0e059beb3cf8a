"""Wait, for a bounded time, for the interfaces that a node's routes need: at boot the network may not be up yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Set
from typing import Final

from netplan.errors import RefusedError
from netplan.kernel import Kernel
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.net import BITS, Address, IfName, InterfaceAddress
from netplan.planning.underlay import holders_of
from netplan.spec.topology import AUTO, Node

PATIENCE: Final = 30.0
"""How many seconds interfaces are waited for."""

_POLL_SECONDS: Final = 0.2
_DEVICES: Final = Interest()


class NotReadyError(RefusedError):
    """An interface that the routes of a state need is missing, down, or without the address."""


def await_interface(kernel: Kernel, node: Node, tell: Callable[[str], None]) -> None:
    """Wait until a node's interface is ready, or its time is up; `tell` is called with what it waits for."""
    _wait(
        kernel,
        lambda now: interface_lack(node, now) or "",
        PATIENCE,
        lambda lack: tell(f"{lack}: waiting up to {PATIENCE:.0f} s for it"),
    )


def await_next_hops(kernel: Kernel, state: Snapshot, address: Address, patience: float) -> None:
    """Wait until every interface that our routes in a state use is up and has their next hops on-link.

    `address` is the node's. NotReadyError (3) names what is missing after so many seconds.
    """
    own = {link.name for link in state.all(Link) if link.ours}
    hops = {hop for route in state.all(Route) if route.ours for hop in _next_hops(route) if hop[0] not in own}
    lack = _wait(kernel, lambda now: "; ".join(sorted({*_unreachable(hops, address, now)})), patience)
    if lack:
        raise NotReadyError(
            f"the routes from before the reboot can't be restored: {lack} (waited {patience:.0f} s); "
            "nothing was changed"
        )


def _wait(
    kernel: Kernel, lacking: Callable[[Snapshot], str], patience: float, tell: Callable[[str], None] = lambda _: None
) -> str:
    """Read the devices until nothing is missing, for so many seconds; return what still is, "" if nothing.

    `tell` is called with what is missing at first, if anything is.
    """
    deadline = time.monotonic() + patience
    lack = lacking(kernel.observe(_DEVICES))
    if lack:
        tell(lack)
    while lack and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        lack = lacking(kernel.observe(_DEVICES))
    return lack


def interface_lack(node: Node, now: Snapshot) -> str | None:
    """Return what a node's interface lacks that may still come by itself; None if nothing.

    An interface with another address than the node's lacks nothing: this is another machine. Neither does one whose
    address is on another interface: that has got another name.
    """
    links = {link.name: link for link in now.all(Link)}
    holders = holders_of(node.address, now.all(Link), now.all(LinkAddress))
    name = holders[0] if node.interface == AUTO and holders else node.interface
    if name == AUTO:
        return f"no interface has the address {node.address.address}"
    link = links.get(name)
    if link is None:
        return None if any(links[holder].up for holder in holders) else f"there is no interface {name}"
    if not link.up:
        return f"the interface {name} is down"
    own = node.address.address
    addresses = (address for address in now.all(LinkAddress) if address.address.address.version == own.version)
    if not any(address.link == name or address.address.address == own for address in addresses):
        return f"the interface {name} has no address"
    return None


def _next_hops(route: Route) -> Iterator[tuple[IfName, Address | None]]:
    """Return the interfaces that a route uses, each with the next hop that must be on-link there, if any."""
    if route.oif is not None:
        yield route.oif, None if route.onlink else route.next_hop
    for hop in route.hops:
        if hop.oif is not None:
            yield hop.oif, hop.next_hop


def _unreachable(hops: Set[tuple[IfName, Address | None]], address: Address, now: Snapshot) -> Iterator[str]:
    up = {link.name: link.up for link in now.all(Link)}
    renamed = _renamed(address, {oif for oif, _ in hops}, now)
    for oif, next_hop in hops:
        prefixes = (address.address.prefix for address in now.all(LinkAddress) if address.link == oif)
        if oif not in up:
            yield f"there is no interface {oif}{renamed}"
        elif not up[oif]:
            yield f"the interface {oif} is down"
        elif next_hop is not None and not any(prefix.contains(next_hop) for prefix in prefixes):
            yield f"the interface {oif} has no address in one prefix with {next_hop}"


def _renamed(address: Address, used: Container[IfName], now: Snapshot) -> str:
    """Return which interface has the node's address, if it is none of those used, and what makes routes use it."""
    own = InterfaceAddress(address, BITS[address.version])
    holders = holders_of(own, now.all(Link), now.all(LinkAddress))
    other = next((holder for holder in holders if holder not in used), None)
    return "" if other is None else f" ({address} is on {other}: podnet apply SPEC)"
