"""Routes in the kernel, through rtnetlink(7)."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from netplan.errors import ObserveError
from netplan.kinds import netlink_driver
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.resource import Change, Insertion, kernel_refusal
from netplan.kinds.route import codec, nexthop
from netplan.kinds.route.lead import asks, leads
from netplan.kinds.route.nexthop import NextHop, NextHopObject
from netplan.kinds.route.value import MAIN_TABLE, PROTOCOL, Route
from netplan.net import IfName, Prefix
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.dumps import dump
from netplan.system.netlink.route import FAMILIES, NEXTHOP, ROUTE, Message
from netplan.system.netlink.wire import APPEND, EXCLUSIVE, REPLACE

MANY: Final = 2000
"""From how many gateways on one device on next-hop objects are made: fewer are as fast without."""

_MEANING: Final = {
    errno.EEXIST: "a route of this prefix, TOS, metric and table exists that is not ours",
    errno.EINVAL: "the kernel finds it contradictory; does the next hop lie on-link?",
    errno.ENETDOWN: "the interface is down",
    errno.ENETUNREACH: "the next hop is not on-link: the interface is down, or has no address in its prefix",
    errno.ENODEV: "there is no such interface",
    errno.EPERM: "it needs CAP_NET_ADMIN",
}


_LEADS: Final = "routes to gateways"
_LINK_LOCAL: Final = Prefix.parse("fe80::/10")


def observe(reading: Reading) -> Iterator[Route]:
    """Read the routes in the tables that are looked at, and ours of all tables.

    Those of an IP version are one dump of all tables, so that it is one state. Left out is what the kernel gives to
    every device by itself for addresses of IPv6 that are valid on its link alone.
    """
    for version in FAMILIES:
        yield from _of_version(reading, version)


def _of_version(reading: Reading, version: int) -> Iterator[Route]:
    channel, tables = reading.channel, reading.tables.get(version, ())
    messages = [message for message in _dump(channel, version) if codec.is_of(message, tables)]
    out_of_use = {index for message in messages for index in codec.out_of_use(message)}
    reading.linkdown.update((version, reading.links[index].name) for index in out_of_use & reading.links.keys())
    objects = _objects(channel) if any(map(codec.refers, messages)) else {}
    decoded = (codec.decode(message, reading.links, objects) for message in messages)
    return (route for route in decoded if version == 4 or not _LINK_LOCAL.covers(route.prefix))


def _dump(channel: Channel, version: int) -> Iterator[Message]:
    return dump(channel, ROUTE, codec.dump_request(version))


def _objects(channel: Channel) -> dict[int, NextHopObject]:
    """Read every next-hop object by its number."""
    objects = map(nexthop.decode, dump(channel, NEXTHOP, nexthop.ALL))
    return {obj.number: obj for obj in objects}


def write(writing: Writing, changes: Sequence[Change[Route]]) -> None:
    """Create, replace or delete routes; one that is gone already, or whose device is, needs no delete.

    Routes by many gateways on one device use next-hop objects, if the kernel has them. Those that no route
    uses any more are deleted behind the routes, also when it comes to nothing.
    """
    channel, indexes = writing.channel, writing.indexes
    changes = [change for change in changes if _possible(change, indexes)]
    objects = _known_objects(channel)
    if objects is None:
        _write(channel, indexes, changes, {})
        return
    next_hops = (nexthop.next_hop_of(change.after, indexes) for change in changes if change.after is not None)
    wanted = list(nexthop.missing((next_hop for next_hop in next_hops if next_hop is not None), objects, writing.many))
    swept = all(change.before is None for change in changes)
    try:
        created = _make(channel, wanted)
        _write(channel, indexes, changes, _by_next_hop([*objects.values(), *created]))
    except BaseException:
        swept = False
        raise
    finally:
        if not swept and (wanted or any(obj.ours for obj in objects.values())):
            _sweep(channel)


def sweep(channel: Channel) -> None:
    """Delete the next-hop objects of ours that no route uses: those of a write that was killed before its routes."""
    if any(obj.ours for obj in (_known_objects(channel) or {}).values()):
        _sweep(channel)


def _possible(change: Change[Route], indexes: Mapping[IfName, int]) -> bool:
    """Whether there is anything to ask for: a route goes with its device. KernelError if one needs such a device."""
    route = change.resource
    for oif in (route.oif, *(hop.oif for hop in route.hops)):
        if oif is not None and oif not in indexes:
            if change.after is None:
                return False
            raise kernel_refusal(change, f"there is no interface {oif}")
    return True


def _known_objects(channel: Channel) -> dict[int, NextHopObject] | None:
    """Read every next-hop object; None if the kernel knows no such thing, as before Linux 5.3."""
    try:
        return _objects(channel)
    except ObserveError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EOPNOTSUPP:
            return None
        raise


def _make(channel: Channel, wanted: Sequence[tuple[int, NextHop]]) -> Iterator[NextHopObject]:
    """Make next-hop objects, and give those that the kernel took.

    A route whose object is refused is asked for without one, so that it is the route that the kernel's words are about.
    """
    refusals = netlink_driver.send(
        channel, [nexthop.encode_new(number, next_hop) for number, next_hop in wanted], "next-hop objects"
    )
    for index, (number, next_hop) in enumerate(wanted):
        if index not in refusals:
            yield NextHopObject(number, PROTOCOL, next_hop.oif, next_hop.gateway, next_hop.onlink)


def _by_next_hop(objects: Iterable[NextHopObject]) -> dict[NextHop, list[NextHopObject]]:
    """Sort objects by their next hops, ours first."""
    by_next_hop: dict[NextHop, list[NextHopObject]] = {}
    for obj in sorted(objects, key=lambda obj: not obj.ours):
        next_hop = obj.next_hop
        if next_hop is not None:
            by_next_hop.setdefault(next_hop, []).append(obj)
    return by_next_hop


def _write(
    channel: Channel,
    indexes: Mapping[IfName, int],
    changes: Sequence[Change[Route]],
    objects: Mapping[NextHop, Sequence[NextHopObject]],
) -> None:
    requests = [request for change in changes for request in _requests(change, indexes, objects)]
    with _led(channel, indexes, [change.after for change in changes if change.after is not None]):
        netlink_driver.write(channel, requests, _MEANING)


@contextmanager
def _led(channel: Channel, indexes: Mapping[IfName, int], wanted: Iterable[Route]) -> Iterator[None]:
    """Let the kernel find the gateways of wanted routes on their devices during a block."""
    routes = _leads(channel, indexes, [route for route in wanted if asks(route)])
    if not routes:
        yield
        return
    refusals = netlink_driver.send(
        channel, [codec.encode_new(route, indexes, None, EXCLUSIVE) for route in routes], _LEADS
    )
    try:
        yield
    finally:
        ours = [route for number, route in enumerate(routes) if number not in refusals]
        netlink_driver.send(channel, [codec.encode_delete(route, indexes, None) for route in ours], _LEADS)


def _leads(channel: Channel, indexes: Mapping[IfName, int], wanted: Sequence[Route]) -> list[Route]:
    if not wanted:
        return []
    there: dict[Prefix, set[int]] = {}
    for prefix, oif in (
        codec.prefix_and_device(message) for message in _dump(channel, 6) if codec.is_of(message, {MAIN_TABLE})
    ):
        there.setdefault(prefix, set()).add(oif)
    return [*dict.fromkeys(leads(wanted, there, indexes))]


def _requests(
    change: Change[Route], indexes: Mapping[IfName, int], objects: Mapping[NextHop, Sequence[NextHopObject]]
) -> Iterator[netlink_driver.ChangeRequest[Route]]:
    """Yield the requests of a change: where a route is created beside others, the one before it is deleted first."""
    before, after = change.before, change.after
    if before is not None and (after is None or change.place is not None):
        yield _delete_request(change, before, indexes, _objects_of(before, indexes, objects))
    if after is not None:
        number = next((obj.number for obj in _objects_of(after, indexes, objects) if obj.ours), None)
        yield netlink_driver.ChangeRequest(change, codec.encode_new(after, indexes, number, _how(change)))


def _how(change: Change[Route]) -> int:
    if change.place is not None:
        return APPEND if change.place is Insertion.LAST else 0
    return EXCLUSIVE if change.before is None else REPLACE


def _delete_request(
    change: Change[Route], route: Route, indexes: Mapping[IfName, int], objects: Iterable[NextHopObject]
) -> netlink_driver.ChangeRequest[Route]:
    """Return the request that deletes a route, which may have been made by an object of its next hop or without one."""
    numbers = (*(obj.number for obj in objects), None)
    requests = [codec.encode_delete(route, indexes, number) for number in numbers]
    return netlink_driver.ChangeRequest(change, requests[0], tuple(requests[1:]))


def _objects_of(
    route: Route, indexes: Mapping[IfName, int], objects: Mapping[NextHop, Sequence[NextHopObject]]
) -> Sequence[NextHopObject]:
    next_hop = nexthop.next_hop_of(route, indexes) if objects else None
    return objects.get(next_hop, ()) if next_hop is not None else ()


def _sweep(channel: Channel) -> None:
    """Delete the objects of ours that no route uses."""
    used = (codec.uses(message) for version in FAMILIES for message in _dump(channel, version))
    numbers = nexthop.unused(_objects(channel), (number for number in used if number is not None))
    netlink_driver.send(channel, [nexthop.encode_delete(number) for number in numbers], "next-hop objects")
