"""The classes of traffic that a plan gives up: by our routes to subnets of which the spec no longer knows anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from netplan.desired.model import Desired
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.resource import Change, Resource
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import Prefix
from netplan.netfilter.iptables.names import TCP
from netplan.planning.traffic.probe import Probe
from netplan.trace import Packet

_REPRESENTATIVES: Final = 4
_POD, _PORT = 2, 20000


def parted(desired: Desired, changes: Iterable[Change[Resource]], state: Snapshot) -> Iterator[Probe]:
    """Give packets from a pod here to subnets whose routes of ours go; the first few stand for all.

    The spec wants nothing of them. The pod is of the bridge's prefix: the spec may have dropped its IP version.
    """
    routes = (change.before for change in changes if isinstance(change.before, Route) and change.after is None)
    left = [route.prefix for route in routes if _led(route)]
    if not left:
        return
    known = {subnet for traffic in desired.reported_traffic for node in traffic.nodes for subnet in node.subnets}
    gone = [prefix for prefix in left if prefix not in known]
    for own in _bridged(desired, state):
        for prefix in islice((each for each in gone if each.version == own.version), _REPRESENTATIVES):
            packet = Packet(
                own.host(_POD), prefix.host(_POD), TCP, _PORT, _PORT, iif=desired.reported_traffic[0].bridge
            )
            yield Probe(f"pod -> {prefix}", None, packet, None, accepted=False)


def _led(route: Route) -> bool:
    return route.ours and route.table == MAIN_TABLE and route.type == "unicast" and route.prefix.size > 4


def _bridged(desired: Desired, state: Snapshot) -> Iterator[Prefix]:
    """Return one prefix of the pods' bridge for each IP version that it has an address of."""
    held = (each.address.prefix for each in state.all(LinkAddress) if each.link == desired.reported_traffic[0].bridge)
    one = {prefix.version: prefix for prefix in held if prefix.size > 4}
    yield from one.values()
