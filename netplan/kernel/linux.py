"""The kernel of this machine, in the network namespace that the process runs in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final, cast

from pyroute2 import IPRoute

from netplan.errors import RefusedError
from netplan.kinds.chain import driver as chains
from netplan.kinds.chain.iptables import Iptables
from netplan.kinds.chain.value import Backend
from netplan.kinds.link import driver as links
from netplan.kinds.route import driver as routes
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl import driver as sysctls
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address
from netplan.resource import Change, Resource
from netplan.snapshot import Interest, Snapshot
from netplan.steps import Step

_CAP_NET_ADMIN: Final = 12


class Linux:
    """The kernel of this machine; `backend` None is the packet filter that its iptables uses.

    RefusedError (3) if the process may not administer the network, or if there is no iptables.
    """

    def __init__(self, backend: Backend | None = None) -> None:
        _require_privilege()
        self._wanted = backend

    @cached_property
    def _iptables(self) -> Iptables:
        return Iptables.find(self._wanted)

    def observe(self, interest: Interest) -> Snapshot:
        """Read the state of interest."""
        return Snapshot.of(self._iptables.backend, self._observe(interest))

    def _observe(self, interest: Interest) -> Iterator[Resource]:
        with IPRoute() as netlink:
            names = links.names_by_index(netlink)
            yield from links.observe(netlink)
            yield from links.observe_addresses(netlink, names)
            yield from routes.observe(netlink, names)
        yield from sysctls.observe(interest.sysctls)
        yield from chains.observe(self._iptables, interest.chains, interest.walks)

    def write(self, step: Step) -> None:
        """Make the changes of one step."""
        match step.kind:
            case "table":
                chains.write(self._iptables, step.table, step.changes)
            case "route":
                self._write_routes(cast("tuple[Change[Route], ...]", step.changes))
            case "sysctl":
                for change in cast("tuple[Change[Sysctl], ...]", step.changes):
                    sysctls.write(change)
            case kind:
                raise NotImplementedError(kind)

    def _write_routes(self, changes: tuple[Change[Route], ...]) -> None:
        with IPRoute() as netlink:
            indexes = {name: index for index, name in links.names_by_index(netlink).items()}
            for change in changes:
                routes.write(netlink, indexes, change)


def addresses() -> frozenset[Address]:
    """Give this machine's IPv4 addresses; needs no privilege."""
    with IPRoute() as netlink:
        found = links.observe_addresses(netlink, links.names_by_index(netlink))
        return frozenset(resource.address.address for resource in found)


def _require_privilege() -> None:
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    if found is None or not int(found[1], 16) >> _CAP_NET_ADMIN & 1:
        raise RefusedError("reading and changing the kernel's rules needs root (CAP_NET_ADMIN): run this with sudo")
