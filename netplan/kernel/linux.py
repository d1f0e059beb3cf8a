"""The kernel of this machine, in the network namespace that the process runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import cast

from pyroute2 import IPRoute

from netplan.errors import RefusedError
from netplan.kinds.address import driver as held
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain import beside
from netplan.kinds.chain import driver as chains
from netplan.kinds.chain.iptables import Iptables
from netplan.kinds.chain.reached import reached
from netplan.kinds.chain.tables import BothVersions, tables
from netplan.kinds.chain.value import Backend
from netplan.kinds.connection import driver as tracked
from netplan.kinds.connection.value import Connection
from netplan.kinds.fdb import driver as fdb
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.ipset import driver as ipsets
from netplan.kinds.ipset.value import asked_sets
from netplan.kinds.link import driver as links
from netplan.kinds.link.value import Link, own_settings
from netplan.kinds.native.expression import chains as chains_of_nft
from netplan.kinds.neighbour import driver as neighbours
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.policy import driver as policies
from netplan.kinds.policy.value import routing_tables
from netplan.kinds.route import driver as routes
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl import driver as sysctls
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, IfName
from netplan.privileges import CAP_NET_ADMIN, may
from netplan.resource import Change, Resource
from netplan.snapshot import Interest, Snapshot
from netplan.steps import Step


class Linux:
    """The kernel of this machine; `backend` None is the packet filter that its iptables uses.

    RefusedError (3) if the process may not administer the network, or if there is no iptables.
    """

    def __init__(self, backend: Backend | None = None) -> None:
        require_privilege()
        self._wanted = backend

    @cached_property
    def _iptables(self) -> Iptables:
        return Iptables.find(self._wanted)

    def observe(self, interest: Interest) -> Snapshot:
        """Read the state of interest."""
        return Snapshot.of(self._iptables.backend, self._observe(interest))

    def _observe(self, interest: Interest) -> Iterator[Resource]:
        with IPRoute() as netlink:
            devices = links.observe(netlink)
            yield from devices.values()
            yield from held.observe(netlink, devices)
            yield from neighbours.observe(netlink, devices)
            yield from fdb.observe(netlink, devices)
            rules = tuple(policies.observe(netlink))
            yield from rules
            yield from routes.observe(netlink, devices, routing_tables(rules))
        yield from sysctls.observe(interest.sysctls | own_settings(devices.values()))
        if interest.rules:
            yield from self._observe_rules(interest)

    def _observe_rules(self, interest: Interest) -> Iterator[Resource]:
        """Read the chains of interest with the sets that they ask, and those beside this node's iptables."""
        there = chains_of_nft()
        own = BothVersions(*(tables(each, there, interest.limit) for each in (self._iptables, self._iptables.ipv6)))
        found = tuple(reached(own, interest.reach))
        yield from found
        yield from ipsets.observe(asked_sets(rule for chain in found for rule in chain.rules))
        yield from beside.observe(self._iptables.backend, own, there, interest.limit)

    def write(self, step: Step) -> None:
        """Make the changes of one step."""
        if step.kind == "table":
            chains.write(self._iptables if step.version == 4 else self._iptables.ipv6, step.table, step.changes)
        elif step.kind == "sysctl":
            _write_sysctls(step)
        else:
            _write_netlink(step)


def _write_netlink(step: Step) -> None:
    with IPRoute() as netlink:
        indexes = {link.name: index for index, link in links.observe(netlink).items()}
        for change in step.changes:
            _write_object(netlink, indexes, change)


def _write_object(netlink: IPRoute, indexes: Mapping[IfName, int], change: Change[Resource]) -> None:
    match change.resource:
        case Link():
            links.write(netlink, cast("Change[Link]", change))
        case LinkAddress():
            held.write(netlink, indexes, cast("Change[LinkAddress]", change))
        case Neighbour():
            neighbours.write(netlink, indexes, cast("Change[Neighbour]", change))
        case FdbEntry():
            fdb.write(netlink, indexes, cast("Change[FdbEntry]", change))
        case Route():
            routes.write(netlink, indexes, cast("Change[Route]", change))


def _write_sysctls(step: Step) -> None:
    for change in cast("tuple[Change[Sysctl], ...]", step.changes):
        sysctls.write(change)


def addresses() -> frozenset[Address]:
    """Give this machine's addresses; needs no privilege."""
    with IPRoute() as netlink:
        found = held.observe(netlink, links.observe(netlink))
        return frozenset(resource.address.address for resource in found)


def connections(wanted: Callable[[Connection], bool]) -> tuple[Connection, ...]:
    """Give those IPv4 connections with a rewritten source that are wanted; ObserveError if the kernel won't tell."""
    return tuple(tracked.observe(wanted))


def forget(found: Iterable[Connection]) -> int:
    """Delete connections and count those that were still there; KernelError names one that the kernel keeps."""
    return sum(tracked.delete(connection) for connection in found)


def require_privilege() -> None:
    """Raise RefusedError (3) if the process may not administer the network."""
    if not may(CAP_NET_ADMIN):
        raise RefusedError("reading and changing the kernel's rules needs root (CAP_NET_ADMIN): run this with sudo")
