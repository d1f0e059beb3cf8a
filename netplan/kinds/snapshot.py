"""What a node's kernel holds, as far as podnet looks at it: one frozen value for every source and every use."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar, cast

from msgspec import Struct, field
from msgspec.structs import replace

from netplan.kinds import registry
from netplan.kinds.chain.reach import FEW_RULES, Follows, Reach
from netplan.kinds.chain.value import Chain, ChainKey, FirewallBackend
from netplan.kinds.resource import Resource
from netplan.kinds.route.order import by_key
from netplan.kinds.route.value import Route, RouteKey
from netplan.kinds.udp_socket.value import UdpSocket
from netplan.net import IfName
from netplan.netfilter.iptables.rule import Rule

R = TypeVar("R", bound=Resource)


class Interest(Struct, frozen=True):
    """What of a node's kernel is looked at, besides its links and what stands on them, routes and rules of routing.

    The chains are those of a `Reach`: `chains` are read by themselves, `walks` with every chain that a packet can reach
    from them, `traced` with those that packets come to as they follow rules; in the tables `searched` chains of ours
    are found by their names. Of a table of more than `limit` rules not more are read on these ways. `ports` are those
    of UDP that programs may have sockets on.
    """

    chains: frozenset[ChainKey] = frozenset()
    walks: frozenset[ChainKey] = frozenset()
    sysctls: frozenset[str] = frozenset()
    searched: frozenset[str] = frozenset()
    traced: frozenset[ChainKey] = frozenset()
    follows: Follows | None = None
    limit: int = FEW_RULES
    ports: frozenset[int] = frozenset()

    def __or__(self, other: Interest) -> Interest:
        """Look at what either looks at."""
        follows = self.follows | other.follows if self.follows and other.follows else self.follows or other.follows
        return Interest(
            self.chains | other.chains,
            self.walks | other.walks,
            self.sysctls | other.sysctls,
            self.searched | other.searched,
            self.traced | other.traced,
            follows,
            max(self.limit, other.limit),
            self.ports | other.ports,
        )

    @property
    def reach(self) -> Reach:
        """Which chains are read."""
        return Reach(self.chains, self.walks, self.searched, self.traced, self.follows, self.limit)

    @property
    def rules(self) -> bool:
        """Whether any rules are looked at."""
        return bool(self.chains or self.walks or self.searched or self.traced)


class Snapshot(Struct, frozen=True, dict=True):
    """The state of one node: its objects by kind, the packet filter that its rules are in, and whether it has IPv6.

    `sockets` are those of programs on ports that were of interest; no record holds them. `linkdown` are IP versions and
    devices without carrier, whose routes the kernel does not use (ignore_routes_with_linkdown). `ipsec` is whether
    there are policies or associations of IPsec, None if it is unknown: it is read where a rule asks for them.
    """

    backend: FirewallBackend
    objects: Mapping[type[Resource], tuple[Resource, ...]] = field(default_factory=dict)
    ipv6: bool = True
    sockets: tuple[UdpSocket, ...] = ()
    linkdown: frozenset[tuple[int, IfName]] = frozenset()
    ipsec: bool | None = None

    @classmethod
    def of(cls, backend: FirewallBackend, resources: Iterable[Resource] = (), *, ipv6: bool = True) -> Snapshot:
        """Sort objects by their kinds, each kind in the order given."""
        objects: dict[type[Resource], list[Resource]] = {}
        for resource in resources:
            objects.setdefault(type(resource), []).append(resource)
        return cls(backend, {kind: tuple(members) for kind, members in objects.items()}, ipv6)

    @cached_property
    def index(self) -> Mapping[tuple[str, Hashable], Resource]:
        """Every object by its kind and key; of several routes of one key the first, by which packets go."""
        return {(kind.kind, item.key): item for kind in registry.values() for item in reversed(self.all(kind))}

    @cached_property
    def routes(self) -> Mapping[RouteKey, Sequence[Route]]:
        """The routes by their keys, those of one key in the kernel's order."""
        return by_key(self.all(Route))

    @cached_property
    def chains(self) -> Mapping[ChainKey, Chain]:
        """The chains by their keys."""
        return {chain.key: chain for chain in self.all(Chain)}

    def rules(self, key: ChainKey) -> tuple[Rule, ...]:
        """Return the rules of a chain; none if it is not there."""
        return self.chains[key].rules if key in self.chains else ()

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """Return the objects of one kind."""
        return cast("tuple[R, ...]", self.objects.get(kind, ()))

    def replace(self, kind: type[R], resources: Iterable[R]) -> Snapshot:
        """Return the same state with other objects of one kind."""
        return self.holding({**self.objects, kind: tuple(resources)})

    def holding(self, objects: Mapping[type[Resource], tuple[Resource, ...]]) -> Snapshot:
        """Return the same state with other objects."""
        return replace(self, objects=objects)
