"""What must be observed of a kernel: for a plan, to see what has become of one, and for the trace."""

from __future__ import annotations

from collections.abc import Iterable

from netplan.desired.chains import OUR_CHAINS
from netplan.kinds.chain.value import Chain, PlacedRule
from netplan.kinds.link.value import tunnel_ports
from netplan.kinds.resource import Change, Resource
from netplan.kinds.snapshot import Interest
from netplan.kinds.sysctl.forwarding import IP_FORWARD
from netplan.kinds.sysctl.value import Sysctl


def interest_of(changes: Iterable[Change[Resource]]) -> Interest:
    """Return what must be observed to see what has become of changes, and of all that is ours."""
    changes = tuple(changes)
    resources = [change.resource for change in changes]
    chains = {resource.chain for resource in resources if isinstance(resource, PlacedRule)}
    chains |= {resource.key for resource in resources if isinstance(resource, Chain)}
    sysctls = {resource.name for resource in resources if isinstance(resource, Sysctl)}
    chains |= {*OUR_CHAINS, *OUR_CHAINS.values()}
    ports = tunnel_ports(side for change in changes for side in (change.before, change.after) if side is not None)
    return Interest(frozenset(chains), sysctls=frozenset({*sysctls, IP_FORWARD}), ports=ports)


def with_ground(interest: Interest) -> Interest:
    """Return the interest with the chains that rules of nat lead into: a plan's `dependencies` count them."""
    walks = {key for key in interest.chains if key.table == "nat" and not key.owned}
    return interest | Interest(walks=frozenset(walks))
