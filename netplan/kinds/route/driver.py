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
from netplan.kinds.route.nexthop import NextHop, Way
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
    found = [message for message in _dump(channel, version) if codec.is_of(message, tables)]
    objects = _objects(channel) if any(map(codec.refers, found)) else {}
    decoded = (codec.decode(message, reading.links, objects) for message in found)
    return (route for route in decoded if version == 4 or not _LINK_LOCAL.covers(route.prefix))


def _dump(channel: Channel, version: int) -> Iterator[Message]:
    return dump(channel, ROUTE, codec.asked(version))


def _objects(channel: Channel) -> dict[int, NextHop]:
    """Read every next-hop object by its number."""
    found = map(nexthop.decode, dump(channel, NEXTHOP, nexthop.ALL))
    return {each.number: each for each in found}


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
    ways = (nexthop.way_of(change.after, indexes) for change in changes if change.after is not None)
    wanted = list(nexthop.missing((way for way in ways if way is not None), objects, writing.many))
    swept = all(change.before is None for change in changes)
    try:
        made = _make(channel, wanted)
        _write(channel, indexes, changes, _by_way([*objects.values(), *made]))
    except BaseException:
        swept = False
        raise
    finally:
        if not swept and (wanted or any(each.ours for each in objects.values())):
            _sweep(channel)


def sweep(channel: Channel) -> None:
    """Delete the next-hop objects of ours that no route uses: those of a write that was killed before its routes."""
    if any(each.ours for each in (_known_objects(channel) or {}).values()):
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


def _known_objects(channel: Channel) -> dict[int, NextHop] | None:
    """Read every next-hop object; None if the kernel knows no such thing, as before Linux 5.3."""
    try:
        return _objects(channel)
    except ObserveError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EOPNOTSUPP:
            return None
        raise


def _make(channel: Channel, wanted: Sequence[tuple[int, Way]]) -> Iterator[NextHop]:
    """Make next-hop objects, and give those that the kernel took.

    A route whose object is refused is asked for without one, so that it is the route that the kernel's words are about.
    """
    refusals = netlink_driver.send(channel, [nexthop.made(number, way) for number, way in wanted], "next-hop objects")
    for index, (number, way) in enumerate(wanted):
        if index not in refusals:
            yield NextHop(number, PROTOCOL, way.oif, way.gateway, way.onlink)


def _by_way(objects: Iterable[NextHop]) -> dict[Way, list[NextHop]]:
    """Sort objects by their ways, ours first."""
    found: dict[Way, list[NextHop]] = {}
    for each in sorted(objects, key=lambda each: not each.ours):
        way = each.way
        if way is not None:
            found.setdefault(way, []).append(each)
    return found


def _write(
    channel: Channel,
    indexes: Mapping[IfName, int],
    changes: Sequence[Change[Route]],
    objects: Mapping[Way, Sequence[NextHop]],
) -> None:
    asked = [each for change in changes for each in _asked(change, indexes, objects)]
    with _led(channel, indexes, [change.after for change in changes if change.after is not None]):
        netlink_driver.write(channel, asked, _MEANING)


@contextmanager
def _led(channel: Channel, indexes: Mapping[IfName, int], wanted: Iterable[Route]) -> Iterator[None]:
    """Let the kernel find the gateways of wanted routes on their devices during a block."""
    made = _leads(channel, indexes, [route for route in wanted if asks(route)])
    if not made:
        yield
        return
    refusals = netlink_driver.send(channel, [codec.made(each, indexes, None, EXCLUSIVE) for each in made], _LEADS)
    try:
        yield
    finally:
        ours = [each for number, each in enumerate(made) if number not in refusals]
        netlink_driver.send(channel, [codec.gone(each, indexes, None) for each in ours], _LEADS)


def _leads(channel: Channel, indexes: Mapping[IfName, int], wanted: Sequence[Route]) -> list[Route]:
    if not wanted:
        return []
    there: dict[Prefix, set[int]] = {}
    for prefix, oif in (codec.way(each) for each in _dump(channel, 6) if codec.is_of(each, {MAIN_TABLE})):
        there.setdefault(prefix, set()).add(oif)
    return [*dict.fromkeys(leads(wanted, there, indexes))]


def _asked(
    change: Change[Route], indexes: Mapping[IfName, int], objects: Mapping[Way, Sequence[NextHop]]
) -> Iterator[netlink_driver.Asked[Route]]:
    """Yield the requests of a change: where a route comes beside others, one before goes first."""
    before, after = change.before, change.after
    if before is not None and (after is None or change.place is not None):
        yield _asked_away(change, before, indexes, _objects_of(before, indexes, objects))
    if after is not None:
        number = next((each.number for each in _objects_of(after, indexes, objects) if each.ours), None)
        yield netlink_driver.Asked(change, codec.made(after, indexes, number, _how(change)))


def _how(change: Change[Route]) -> int:
    if change.place is not None:
        return APPEND if change.place is Insertion.LAST else 0
    return EXCLUSIVE if change.before is None else REPLACE


def _asked_away(
    change: Change[Route], route: Route, indexes: Mapping[IfName, int], objects: Iterable[NextHop]
) -> netlink_driver.Asked[Route]:
    """Ask for the end of a route, which may have been made by an object of its way or without one."""
    numbers = (*(each.number for each in objects), None)
    requests = [codec.gone(route, indexes, number) for number in numbers]
    return netlink_driver.Asked(change, requests[0], tuple(requests[1:]))


def _objects_of(
    route: Route, indexes: Mapping[IfName, int], objects: Mapping[Way, Sequence[NextHop]]
) -> Sequence[NextHop]:
    way = nexthop.way_of(route, indexes) if objects else None
    return objects.get(way, ()) if way is not None else ()


def _sweep(channel: Channel) -> None:
    """Delete the objects of ours that nobody uses."""
    used = (codec.uses(message) for version in FAMILIES for message in _dump(channel, version))
    numbers = nexthop.unused(_objects(channel), (number for number in used if number is not None))
    netlink_driver.send(channel, [nexthop.gone(number) for number in numbers], "next-hop objects")
