"""How a node's kernel routes: local addresses, tables and the rules that lead to them, and the sources it chooses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.address.value import HOST_SCOPE, LINK_SCOPE, UNIVERSE, LinkAddress
from netplan.kinds.link.value import BRIDGE, Link
from netplan.kinds.policy.value import DEFAULTS, IPV6_DEFAULTS, LOCAL_TABLE, PolicyRule
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.forwarding import FORWARDING
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import BITS, Address, Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.trace.flow import Holds, Mark
from netplan.trace.source_selection import ipv6_source

LOOPBACK: Final = "lo"

_LOOPBACK_NET: Final = {4: Prefix(4, 0x7F000000, 8), 6: Prefix(6, 1, 128)}
_MULTICAST: Final = {4: Prefix(4, 0xE0000000, 4), 6: Prefix(6, 0xFF << 120, 8)}
_THIS_NET: Final = {4: Prefix(4, 0, 8), 6: Prefix(6, 0, 128)}
_TYPES: Final = {"local": "LOCAL", "broadcast": "BROADCAST", "anycast": "ANYCAST", "multicast": "MULTICAST"}
_REFUSING: Final = frozenset({"blackhole", "unreachable", "prohibit"})
_LIMITED_BROADCAST: Final = Address(4, 0xFFFFFFFF)


class Query(Struct, frozen=True):
    """What packets are looked up by; the source of an unbound socket is 0.0.0.0, the device of what it sends `lo`."""

    destination: Address
    source: Address
    mark: Mark
    iif: str


class LookupResult(Struct, frozen=True):
    """Where a look-up may end: at a rule that refuses, at a route, or, if `local`, at an address of the node's own.

    `rule` is the one that led there, None if none led anywhere. `doubts` are those of which it is unknown whether they
    select the packets, and which did so here.
    """

    rule: PolicyRule | None
    route: Route | None = None
    local: bool = False
    doubts: tuple[PolicyRule, ...] = ()

    @property
    def usual(self) -> bool:
        """Whether no rule has a part in it that is not there on every node."""
        return not self.doubts and (self.rule is None or self.rule in (*DEFAULTS, *IPV6_DEFAULTS))


class _Table:
    """The routes of one table, for packets without a TOS."""

    def __init__(self) -> None:
        self._routes: dict[int, dict[int, Route]] = {}
        self._lengths: list[int] = []

    def add(self, route: Route) -> None:
        """Keep a route unless there is one of its prefix with a lower metric."""
        same_length = self._routes.get(route.prefix.length)
        if same_length is None:
            same_length = self._routes[route.prefix.length] = {}
            self._lengths = sorted(self._routes, reverse=True)
        other = same_length.get(route.prefix.value)
        if other is None or route.metric < other.metric:
            same_length[route.prefix.value] = route

    def get(self, address: Address) -> Route | None:
        """Return the route of the longest prefix, then of the lowest metric."""
        for length in self._lengths:
            host_bits = BITS[address.version] - length
            route = self._routes[length].get(address.value >> host_bits << host_bits)
            if route is not None:
                return route
        return None


class Fib:
    """The forwarding information base of a state, for one IP version: local addresses, tables, rules of policy routing.

    `ruled` is whether there are other rules than those of every node.
    """

    def __init__(self, snapshot: Snapshot, version: int = 4) -> None:
        self.version = version
        self._types: dict[str, str | None] = {link.name: link.type for link in snapshot.all(Link)}
        assigned = snapshot.all(LinkAddress)
        self._addresses = tuple(own for own in assigned if own.address.address.version == version)
        self._primary = list(_primary(self._addresses))
        self._local = {own.address.address: own.link for own in self._addresses}
        self._shared = dict(self._shared_addresses(snapshot))
        usual = DEFAULTS if version == 4 else IPV6_DEFAULTS
        self._rules = tuple(rule for rule in snapshot.all(PolicyRule) if rule.version == version) or usual
        self.ruled = self._rules != usual
        self._tables: dict[int, _Table] = {MAIN_TABLE: _Table()}
        for route in snapshot.all(Route):
            if route.prefix.version == version and not route.tos:
                self._tables.setdefault(route.table, _Table()).add(route)

    def _shared_addresses(self, snapshot: Snapshot) -> Iterator[tuple[Address, str]]:
        """Return the broadcast addresses of the node's networks, or the subnet-router anycast addresses of a router."""
        forwarding = {sysctl.value for sysctl in snapshot.all(Sysctl) if sysctl.name == FORWARDING[6]}
        for primary in self._primary:
            if primary.address.length < BITS[self.version] - 1 and (self.version == 4 or forwarding == {"1"}):
                yield primary.address.prefix.host(-1 if self.version == 4 else 0), primary.link

    def type_of(self, address: Address, *devices: str) -> str:
        """Return an address's type as `-m addrtype` sees it; of the devices, if any is given, all others are UNICAST.

        net/ipv4/fib_frontend.c, __inet_dev_addr_type. It asks the local table, which on a node that never had other
        rules of policy routing is one with the main table: a local route of that counts too. Of IPv6 it asks the rules
        (net/netfilter/xt_addrtype.c, match_lookup_rt6).
        """
        if address == _LIMITED_BROADCAST or (self.version == 4 and _THIS_NET[4].contains(address)):
            return "BROADCAST"
        if _MULTICAST[self.version].contains(address):
            return "MULTICAST"
        device, kind = self._own(address)
        return kind if all(device == other for other in devices) else "UNICAST"

    def _own(self, address: Address) -> tuple[str | None, str]:
        shared = "BROADCAST" if self.version == 4 else "ANYCAST"
        for device, kind in ((self.holder(address), "LOCAL"), (self.sharer(address), shared)):
            if device is not None:
                return device, kind
        route = self._route_by_rules(address) if self.version == 6 else None if self.ruled else self.route_to(address)
        if route is not None and route.type in _TYPES:
            return route.oif, _TYPES[route.type]
        return None, "UNICAST"

    def _route_by_rules(self, address: Address) -> Route | None:
        """Look an IPv6 address up as for a packet without a source that this node sends."""
        *_, result = self.lookup(Query(address, Address(6, 0), Mark.of(0), LOOPBACK))
        return result.route

    def holder(self, address: Address) -> str | None:
        """Return the device that carries an address, None if the node does not have it."""
        device = self._local.get(address)
        return LOOPBACK if device is None and is_loopback(address) else device

    def sharer(self, address: Address) -> str | None:
        """Return the device whose broadcast address, or anycast address, this is."""
        return self._shared.get(address)

    def route_to(self, address: Address) -> Route | None:
        """Look an address up in the main table."""
        return self._tables[MAIN_TABLE].get(address)

    def lookup(self, query: Query) -> Iterator[LookupResult]:
        """Ask the rules of policy routing in their order (net/core/fib_rules.c, fib_rules_lookup).

        The first that selects the packets decides, unless its table has no route for them. Each of several answers is
        one that can't be ruled out.
        """
        return self._lookup(query, 0, ())

    def _lookup(self, query: Query, start: int, doubts: tuple[PolicyRule, ...]) -> Iterator[LookupResult]:
        at = start
        while at < len(self._rules):
            rule = self._rules[at]
            at += 1
            selects = _selects(rule, query)
            if selects is Holds.NEVER or rule.action == "nop":
                continue
            sure = selects is Holds.ALWAYS
            behind = doubts if sure else (*doubts, rule)
            if rule.action == "goto":
                target = self._behind(at, rule.goto)
                if target is not None and not sure:
                    yield from self._lookup(query, target, behind)
                elif target is not None:
                    at = target
                continue
            result = self._by(rule, query.destination)
            if result is not None:
                yield replace(result, doubts=behind)
                if sure:
                    return
        yield LookupResult(None, doubts=doubts)

    def _behind(self, start: int, priority: int) -> int | None:
        """Return the place of the first rule of a priority, None if there is none further on."""
        places = (at for at in range(start, len(self._rules)) if self._rules[at].priority == priority)
        return next(places, None)

    def _by(self, rule: PolicyRule, destination: Address) -> LookupResult | None:
        """Follow a rule; None if the next one is asked: its table has no route, or one that says so."""
        if rule.action != "lookup":
            return LookupResult(rule)
        if rule.table == LOCAL_TABLE:
            own = self.holder(destination) or self.sharer(destination)
            return LookupResult(rule, local=True) if own is not None else None
        table = self._tables.get(rule.table)
        route = None if table is None else table.get(destination)
        if route is None:
            depends_on_device = rule.unread and not rule.table  # by a VRF
            return LookupResult(rule) if depends_on_device else None
        if route.type == "throw":
            return None
        refuses = route.type in _REFUSING
        if rule.suppress is not None and not refuses and route.prefix.length <= rule.suppress:
            return None
        return LookupResult(rule, route)

    def is_bridge(self, device: str) -> bool:
        """Whether a device is a bridge; one of a record that does not tell is taken for one."""
        return self._types.get(device) in (None, BRIDGE)

    def first_address(self, device: str) -> Address | None:
        """Return the first address of a device."""
        return next((own.address.address for own in self._addresses if own.link == device), None)

    def own_source(self, destination: Address, route: Route | None = None) -> Address:
        """Return the source of a packet that this node sends to itself, maybe by a local route, from an unbound socket.

        It is the primary address of the destination's prefix (net/ipv4/fib_frontend.c, fib_add_ifaddr), or the
        destination; of IPv6 it is chosen as for other packets, and is the destination if the node has that.
        """
        if route is not None and route.prefsrc is not None:
            return route.prefsrc
        if self.version == 6:
            return self.select_address(LOOPBACK, destination) or destination
        device = self.holder(destination)
        for primary in self._primary:
            if primary.link == device and primary.address.prefix.contains(destination):
                return primary.address.address
        return destination

    def source(self, route: Route, device: str, next_hop: Address | None, destination: Address) -> Address | None:
        """Return the source of a packet that this node sends from an unbound socket by a route.

        net/ipv4/fib_semantics.c, fib_result_prefsrc; net/ipv6/ip6_route.h, ip6_route_get_saddr.
        """
        if route.prefsrc is not None:
            return route.prefsrc
        if self.version == 6:
            return self.select_address(device, destination)
        return self.select_address(device, next_hop, UNIVERSE if next_hop is not None else LINK_SCOPE)

    def select_address(self, device: str, towards: Address | None, scope: int = UNIVERSE) -> Address | None:
        """Choose an address of a device as MASQUERADE does (net/ipv4/devinet.c, inet_select_addr).

        It is the first primary one in whose prefix `towards` lies, else the first of all, else one of another device.
        For IPv6 the kernel compares them all (`sources`), and `towards` is the destination.
        """
        if self.version == 6:
            return None if towards is None else ipv6_source(self._addresses, device, towards)
        fitting = [own for own in self._primary if own.link == device and _scope(own) <= scope]
        for own in fitting:
            if towards is None or own.address.prefix.contains(towards):
                return own.address.address
        others = (own for own in self._primary if _scope(own) <= scope and _scope(own) != LINK_SCOPE)
        return next((own.address.address for own in [*fitting[:1], *others]), None)


def is_loopback(address: Address) -> bool:
    """Whether an address is one of 127.0.0.0/8, or ::1."""
    return _LOOPBACK_NET[address.version].contains(address)


def is_martian_source(address: Address) -> bool:
    """Whether no packet may have an address as its source."""
    version = address.version
    return (
        address == _LIMITED_BROADCAST or _MULTICAST[version].contains(address) or _THIS_NET[version].contains(address)
    )


def _selects(rule: PolicyRule, query: Query) -> Holds:
    """Whether a rule selects packets (fib_rule_match); no look-up here is for a device that packets leave by."""
    conditions = (
        rule.source is None or rule.source.contains(query.source),
        rule.destination is None or rule.destination.contains(query.destination),
        rule.iif is None or rule.iif == query.iif,
        rule.oif is None,
        not rule.tos,
    )
    selects = Holds.when(all(conditions))
    if rule.mark is not None:
        selects = min(selects, query.mark.is_one(Masked(rule.mark.value & rule.mark.mask, rule.mark.mask)))
    if rule.unread:
        selects = min(selects, Holds.SOMETIMES)
    return selects.unless(rule.negated)


def _scope(assigned: LinkAddress) -> int:
    """Return how far an address is valid; records made before it was recorded tell it of loopback addresses only."""
    return HOST_SCOPE if is_loopback(assigned.address.address) else assigned.scope


def _primary(addresses: tuple[LinkAddress, ...]) -> Iterator[LinkAddress]:
    """Return the addresses that are not secondary: no earlier one of the same device is in the same prefix."""
    seen: set[tuple[str, Prefix]] = set()
    for assigned in addresses:
        key = (assigned.link, assigned.address.prefix)
        if key not in seen:
            seen.add(key)
            yield assigned
