"""What one node should have: objects, jumps, removals, and the traffic that they serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property
from typing import Final, TypeVar, cast

from msgspec import Struct

from netplan.desired.chains import OUR_CHAINS
from netplan.desired.checks import Check
from netplan.desired.interest import full_interest
from netplan.kinds.chain.value import ChainKey, FirewallBackend
from netplan.kinds.link.value import tunnel_ports
from netplan.kinds.resource import Reason, Resource, Wanted
from netplan.kinds.route.value import RouteKey
from netplan.kinds.snapshot import Interest
from netplan.kinds.sysctl.forwarding import IPV6_FORWARD
from netplan.kinds.sysctl.originals import Overwritten
from netplan.kinds.sysctl.value import Sysctl, accept_ra
from netplan.net import Address, IfName, Prefix
from netplan.netfilter.iptables.rule import Rule
from netplan.spec.model import Mark
from netplan.spec.topology import Node

R = TypeVar("R", bound=Resource)

LAST_METRIC: Final = 0xFFFFFFFF
"""The metric of a route that any other to its prefix goes before."""


class Place(Enum):
    """Where a jump of ours stands among other programs' rules."""

    SHIELD = "before every rule that could rewrite pod traffic which keeps its source"
    LATE = "after every rule that could refuse pod traffic, before one that ends the chain"


class Traffic(Struct, frozen=True):
    """The cluster's traffic of one IP version as one node sees it, and what the spec wants of it.

    `network` is the pod network and `subnet` the node's part of it. `kept` are the destinations that must see a pod's
    own address, `exempt` those of them that the spec names. What is forwarded is to be accepted if podnet `accepts`,
    that with the outside if it `accepts_outside`.
    """

    node: Node
    nodes: tuple[Node, ...]
    network: Prefix
    subnet: Prefix
    kept: tuple[Prefix, ...]
    exempt: tuple[Prefix, ...]
    respected: tuple[Mark, ...]
    masquerades: bool
    accepts: bool
    accepts_outside: bool

    @property
    def version(self) -> int:
        """The IP version."""
        return self.network.version

    @property
    def bridge(self) -> IfName:
        """The bridge of the node's pods."""
        return self.node.bridge


class Jump(Struct, frozen=True):
    """The rule of a built-in chain that leads into a chain of ours."""

    hook: ChainKey
    rule: Rule
    place: Place
    reason: Reason


class Removal(Struct, frozen=True):
    """A foreign rule that must not exist in a chain, wherever it stands and however often."""

    chain: ChainKey
    rule: Rule
    reason: Reason


class Desired(Struct, frozen=True, dict=True):
    """What one node should have, and what it should not; with `adopts`, what others made of it is taken over.

    `reported_traffic` is the traffic that a plan tells of, one of an IP version; `traffic` is none when podnet leaves,
    and wants nothing of it.
    `checks` are what must work then, `persist` is the file in which its rules should be besides, None if in none.
    `overwritten` are the parameters that podnet wrote on this node: what is not wanted of them is to be as before.
    `applied` are the keys of the routes that it had there last: what took the place of such a one gives it back.
    """

    node: str
    address: Address
    backend: FirewallBackend | None
    objects: tuple[Wanted[Resource], ...]
    jumps: tuple[Jump, ...]
    removals: tuple[Removal, ...]
    traffic: tuple[Traffic, ...]
    reported_traffic: tuple[Traffic, ...]
    checks: tuple[Check, ...] = ()
    persist: str | None = None
    adopts: bool = False
    overwritten: tuple[Overwritten, ...] = ()
    applied: frozenset[RouteKey] = frozenset()

    @cached_property
    def _by_kind(self) -> Mapping[type[Resource], Sequence[Wanted[Resource]]]:
        by_kind: dict[type[Resource], list[Wanted[Resource]]] = {}
        for want in self.objects:
            by_kind.setdefault(type(want.resource), []).append(want)
        return by_kind

    def wanted(self, kind: type[R]) -> Sequence[Wanted[R]]:
        """Return the objects of one kind, each with its reason."""
        return cast("Sequence[Wanted[R]]", self._by_kind.get(kind, ()))

    def all(self, kind: type[R]) -> Iterator[R]:
        """Return the objects of one kind."""
        return (want.resource for want in self.wanted(kind))

    @property
    def sysctls(self) -> frozenset[str]:
        """Which parameters are wanted, by name."""
        return frozenset(sysctl.name for sysctl in self.all(Sysctl))

    @property
    def interest(self) -> Interest:
        """What must be observed to plan for this node."""
        written = frozenset(original.name for original in self.overwritten)
        if not self.traffic:
            return full_interest() | Interest(sysctls=written, searched=frozenset({"nat", "filter"}))
        removals = {removal.chain for removal in self.removals}
        sysctls = self.sysctls | written
        ports = tunnel_ports(want.resource for want in self.objects)
        if IPV6_FORWARD in sysctls:
            sysctls |= {accept_ra(traffic.node.interface) for traffic in self.traffic}
        hooks = frozenset(OUR_CHAINS.values())
        return Interest(frozenset({*OUR_CHAINS, *hooks, *removals}), hooks, sysctls, ports=ports)
