"""Wait, for a bounded time, for the interface that a node's routes need: at boot the network may not be up yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from netplan.kernel import Kernel
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.planning.underlay import holders_of
from netplan.spec.topology import AUTO, Node

PATIENCE: Final = 30.0
"""How many seconds an interface is waited for."""

_POLL_SECONDS: Final = 0.2
_DEVICES: Final = Interest()


def await_interface(kernel: Kernel, node: Node, tell: Callable[[str], None]) -> None:
    """Wait until nothing is missing of a node's interface, or its time is up; `tell` hears what is waited for."""
    deadline = time.monotonic() + PATIENCE
    told = False
    while (lack := missing(node, kernel.observe(_DEVICES))) is not None and time.monotonic() < deadline:
        if not told:
            tell(f"{lack}: waiting up to {PATIENCE:.0f} s for it")
        told = True
        time.sleep(_POLL_SECONDS)


def missing(node: Node, now: Snapshot) -> str | None:
    """Say what a node's interface lacks that may still come by itself; None if nothing.

    An interface with another address than the node's lacks nothing: it is another machine's. Nor does one whose address
    another one has: it has another name.
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
    held = (each for each in now.all(LinkAddress) if each.address.address.version == own.version)
    if not any(each.link == name or each.address.address == own for each in held):
        return f"the interface {name} has no address"
    return None
