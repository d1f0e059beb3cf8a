"""The kernel of this machine, in the network namespace that the process runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property, partial
from typing import TypeAlias

from msgspec.structs import replace

from netplan.errors import ObserveError, RefusedError
from netplan.kernel.drivers import driver_of, file_driver_of, observe_files
from netplan.kinds.address import driver as address_driver
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.batches import Batch
from netplan.kinds.chain import driver as chains
from netplan.kinds.chain.programs import Iptables
from netplan.kinds.chain.reach import reached
from netplan.kinds.chain.tables import BothVersions, tables
from netplan.kinds.chain.value import Chain, FirewallBackend
from netplan.kinds.connection import driver as tracked
from netplan.kinds.connection.value import Connection
from netplan.kinds.foreign_chain import driver
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.ipset import driver as ipsets
from netplan.kinds.ipset.value import named_sets
from netplan.kinds.link import driver as links
from netplan.kinds.link.access import Reading, Writing
from netplan.kinds.link.value import Link, own_settings
from netplan.kinds.policy.value import PolicyRule, routing_tables
from netplan.kinds.registry import Interface, kind_of, kinds
from netplan.kinds.resource import Resource
from netplan.kinds.route import driver as routes
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl import driver as sysctls
from netplan.kinds.sysctl.value import spelled_out
from netplan.kinds.udp_socket import driver as sockets
from netplan.net import Address, IfName
from netplan.netfilter.iptables.names import POLICY
from netplan.netfilter.nftables.expression import chains as chains_of_nft
from netplan.netfilter.nftables.table import read as read_table
from netplan.netfilter.nftables.table import table_name
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.ipsec import has_ipsec
from netplan.system.netlink.route import FAMILIES
from netplan.system.netlink.wire import ROUTE
from netplan.system.process import CAP_NET_ADMIN, may

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Takes what is under way, how much of it is done, and of how much, None where that is unknown."""


Making: TypeAlias = Callable[[str], None]
"""Takes the name of a table of nftables, as nft(8) writes it (`ip nat`), that is about to be created."""


def _unheard(_table: str) -> None:
    """Hear nothing."""


def _silent(_what: str, _done: int, _total: int | None) -> None:
    """Hear nothing."""


class Linux:
    """The kernel of this machine; `backend` None is the packet filter that its iptables uses.

    With `many` gateways or more, routes are made through next-hop objects. `progress` takes what is under way, `making`
    which tables are created for that.
    RefusedError (3) if the process may not administer the network, or if there is no iptables.
    """

    def __init__(
        self,
        backend: FirewallBackend | None = None,
        *,
        many: int = routes.MANY,
        progress: Progress = _silent,
        making: Making = _unheard,
    ) -> None:
        require_privilege()
        self._wanted = backend
        self._many = many
        self._progress = progress
        self._making = making
        self._reading = "reading the kernel"

    @cached_property
    def _iptables(self) -> Iptables:
        return Iptables.find(self._wanted)

    def observe(self, interest: Interest) -> Snapshot:
        """Read the state of interest."""
        self._progress(self._reading, 0, None)
        linkdown = set[tuple[int, IfName]]()
        resources = self._observe(interest, linkdown)
        state = Snapshot.of(self._iptables.backend, resources, ipv6=sysctls.has_ipv6())
        shared = {link.vxlan.port for link in state.all(Link) if link.up and link.vxlan is not None}
        return replace(
            state,
            sockets=sockets.observe(interest.ports - shared),
            linkdown=frozenset(linkdown),
            ipsec=has_ipsec() if _asks_for_ipsec(state) else None,
        )

    def _observe(self, interest: Interest, linkdown: set[tuple[int, IfName]]) -> Iterator[Resource]:
        with Channel(ROUTE) as channel:
            devices = links.devices(channel)
            reading, carrying = Reading(channel, devices, linkdown=linkdown), set[IfName]()
            for kind in kinds():
                if kind.interface is not Interface.RTNETLINK:
                    continue
                objects = driver_of(kind).observe(reading)
                if kind.value is PolicyRule:
                    objects = tuple(objects)
                    reading = replace(reading, tables=_tables(objects))
                for resource in objects:
                    if isinstance(resource, LinkAddress):
                        carrying.add(resource.link)
                    yield resource
        names = {*spelled_out(interest.sysctls, carrying)}
        names |= own_settings(devices.values())
        yield from observe_files(names, frozenset(link.name for link in devices.values()))
        if interest.rules:
            yield from self._observe_rules(interest)

    def _observe_rules(self, interest: Interest) -> Iterator[Resource]:
        """Read the chains of interest with the sets that they name, and those beside this node's iptables."""
        there = chains_of_nft()
        own = BothVersions(
            *(tables(iptables, there, interest.limit) for iptables in (self._iptables, self._iptables.ipv6))
        )
        reached_chains = tuple(reached(own, interest.reach))
        yield from reached_chains
        yield from ipsets.observe(named_sets(rule for chain in reached_chains for rule in chain.rules))
        yield from driver.observe(self._iptables.backend, own, there, interest.limit)

    def write(self, batch: Batch) -> None:
        """Make the changes of one batch."""
        writing, self._reading = f"writing {batch}", "verifying"
        self._progress(writing, 0, None)
        if batch.table:
            self._announce(batch.version, batch.table)
            iptables = self._iptables if batch.version == 4 else self._iptables.ipv6
            chains.write(iptables, batch.table, batch.changes, batch.chains)
            return
        kind = kind_of(batch.changes[0].resource)
        if kind.interface is Interface.PROC_SYS:
            file_driver_of(kind).write(batch.changes)
            return
        with Channel(ROUTE, partial(self._progress, writing)) as channel:
            driver_of(kind).write(Writing(channel, links.indexes(channel), self._many), batch.changes)

    def _announce(self, version: int, table: str) -> None:
        """Announce a table that iptables is about to create; nothing where it is unknown whether it exists."""
        if self._iptables.backend is FirewallBackend.NFT:
            with suppress(ObserveError):
                if read_table(version, table) is None:
                    self._making(table_name(version, table))

    def sweep(self) -> None:
        """Delete the next-hop objects that a write has left without a route."""
        with Channel(ROUTE) as channel:
            routes.sweep(channel)


def _asks_for_ipsec(state: Snapshot) -> bool:
    """Whether any rule asks whether IPsec has to do with packets."""
    chains = (*state.all(Chain), *(foreign.chain for foreign in state.all(OtherChain)))
    return any(match.name == POLICY for chain in chains for rule in chain.rules for match in rule.matches)


def _tables(rules: Iterable[Resource]) -> dict[int, frozenset[int]]:
    """Return the tables in which packets are looked up, by IP version."""
    policy_rules = [rule for rule in rules if isinstance(rule, PolicyRule)]
    return {version: routing_tables(rule for rule in policy_rules if rule.version == version) for version in FAMILIES}


def addresses() -> frozenset[Address]:
    """Return this machine's addresses; needs no privilege."""
    with Channel(ROUTE) as channel:
        carried = address_driver.observe(Reading(channel, links.devices(channel)))
        addresses = (resource.address.address for resource in carried)
        return frozenset(address for address in addresses if address.version == 4)


def devices() -> tuple[tuple[Link, ...], tuple[LinkAddress, ...]]:
    """Return this machine's devices and the addresses on them; needs no privilege."""
    with Channel(ROUTE) as channel:
        indexed = links.devices(channel)
        return tuple(indexed.values()), tuple(address_driver.observe(Reading(channel, indexed)))


def connections(wanted: Callable[[Connection], bool], version: int = 4) -> tuple[Connection, ...]:
    """Return those connections with a rewritten source that a test accepts; ObserveError if they can't be read."""
    return tuple(tracked.observe(wanted, version))


def forget(connections: Iterable[Connection]) -> int:
    """Delete connections, and return how many still existed; KernelError names one that the kernel keeps."""
    return sum(tracked.delete(connection) for connection in connections)


def require_privilege() -> None:
    """Raise RefusedError (3) if the process may not administer the network."""
    if not may(CAP_NET_ADMIN):
        raise RefusedError("reading and changing the kernel's rules needs root (CAP_NET_ADMIN): run this with sudo")
