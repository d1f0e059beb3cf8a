"""How a node's kernel routes: local addresses, tables and the rules that lead to them, and the sources it chooses."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from functools import cache, cached_property
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.kinds.link.value import BRIDGE, Link
from netplan.kinds.policy.value import DEFAULTS, IPV6_DEFAULTS, LOCAL_TABLE, PolicyRule
from netplan.kinds.route.value import MAIN_TABLE, Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address, Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.trace.addresses import LIMITED_BROADCAST, LOOPBACK, MULTICAST, THIS_NET, NodeAddresses
from netplan.trace.flow import DESTINATION, NO_SOURCE, SOURCE, Field, Flow, Holds, Mark
from netplan.trace.intervals import (
    EVERY_ADDRESS,
    Intervals,
    join,
    meet,
    minus,
    of_prefix,
    only,
    pairs_of,
    union,
)
from netplan.trace.split import Split, Test, cut, parted, split_by
from netplan.trace.table import NextHop, Table, Way

_KINDS: Final = {4: {"LOCAL": "own", "BROADCAST": "shared"}, 6: {"LOCAL": "own", "ANYCAST": "shared"}}
_TYPES: Final = {"local": "LOCAL", "broadcast": "BROADCAST", "anycast": "ANYCAST", "multicast": "MULTICAST"}
NOTHING_WANTED: Final[Mapping[Prefix, Way]] = {}

_REFUSING: Final = frozenset({"blackhole", "unreachable", "prohibit"})


class LookupResult(Struct, frozen=True):
    """Where a look-up may end: at a rule that refuses, at a route, or, if `local`, at an address of the node's own.

    `rule` is the one that led there, None if none led anywhere. `doubts` are those of which it is unknown whether they
    select the packets, and which did so here.
    """

    rule: PolicyRule | None
    hop: NextHop | None = None
    local: bool = False
    doubts: tuple[PolicyRule, ...] = ()

    @property
    def route(self) -> Route | None:
        """The route at which the look-up ends."""
        return None if self.hop is None else self.hop.route

    @property
    def usual(self) -> bool:
        """Whether no rule has a part in it that is not there on every node."""
        return not self.doubts and (self.rule is None or self.rule in (*DEFAULTS, *IPV6_DEFAULTS))


class Fib(NodeAddresses):
    """The forwarding information base of a state, for one IP version: local addresses, tables, rules of policy routing.

    `ruled` is whether there are other rules than those of every node, `ipsec` whether anything of IPsec is there.
    """

    def __init__(
        self, snapshot: Snapshot, version: int = 4, wanted: Mapping[Prefix, Way] | None = NOTHING_WANTED
    ) -> None:
        super().__init__(snapshot, version)
        self.ipsec = snapshot.ipsec
        self._types: dict[str, str | None] = {link.name: link.type for link in snapshot.all(Link)}
        usual = DEFAULTS if version == 4 else IPV6_DEFAULTS
        rules = tuple(rule for rule in snapshot.all(PolicyRule) if rule.version == version) or usual
        self.ruled = rules != usual
        self._rules = tuple((rule, _selectors(rule)) for rule in rules)
        routes: dict[int, list[Route]] = {MAIN_TABLE: []}
        unused = {device for of_version, device in snapshot.linkdown if of_version == version}
        for route in snapshot.all(Route):
            if route.prefix.version == version and not route.tos:
                routes.setdefault(route.table, []).extend([route] if not unused else _in_use(route, unused))
        self._tables = {number: Table(members, wanted) for number, members in routes.items()}
        self.addresses_of = cache(self._addresses_of)
        self.on_link = cache(self._on_link)

    def _addresses_of(self, kind: str, *devices: str) -> Intervals:
        """Return all addresses of a type; of the devices, if any is given, all others are UNICAST.

        net/ipv4/fib_frontend.c, __inet_dev_addr_type. It asks the local table, which on a node that never had other
        rules of policy routing is one with the main table: a local route of that counts too. Of IPv6 it asks the rules
        (net/netfilter/xt_addrtype.c, match_lookup_rt6).
        """
        if kind == "UNICAST":
            rest = EVERY_ADDRESS[self.version]
            for other in ("BROADCAST", "MULTICAST", "LOCAL", "ANYCAST"):
                rest = minus(rest, self.addresses_of(other, *devices))
            return rest
        multicast = of_prefix(MULTICAST[self.version])
        everywhere = join(of_prefix(THIS_NET[4]), only(LIMITED_BROADCAST.value))
        if kind == "MULTICAST":
            return multicast
        named = _KINDS[self.version].get(kind)
        if named is None:
            return ()
        apart = join(multicast, everywhere) if self.version == 4 else multicast
        fitting = [(addresses, device) for addresses, device, shared in self.own if shared is (named == "shared")]
        fitting += list(self._by_route(kind))
        typed: Intervals = ()
        for addresses, device in fitting:
            typed = join(typed, addresses) if all(device == other for other in devices) else typed
        typed = minus(typed, apart)
        return join(typed, everywhere) if kind == "BROADCAST" and self.version == 4 else typed

    @cached_property
    def broadcasts(self) -> Intervals:
        """The broadcast addresses but for those that the node shares by an address of its own."""
        broadcasts = self.addresses_of("BROADCAST")
        for addresses, _, shared in self.own:
            broadcasts = minus(broadcasts, addresses) if shared else broadcasts
        return broadcasts

    @cached_property
    def _every_own(self) -> Intervals:
        """The addresses that the node holds or shares."""
        return union(pair for addresses, _, _ in self.own for pair in pairs_of(addresses))

    def _by_route(self, kind: str) -> Iterator[tuple[Intervals, str]]:
        """Return the addresses that routes give a type, but for those that the node holds or shares."""
        own = self._every_own
        if self.version == 4 and not self.ruled:
            for addresses, hop in self._tables[MAIN_TABLE].groups:
                if _TYPES.get(hop.route.type) == kind:
                    yield minus(addresses, own), hop.route.oif or ""
        elif self.version == 6:
            for part, result in self.lookup(Flow(6, NO_SOURCE, EVERY_ADDRESS[6], mark=Mark.of(0), iif=LOOPBACK)):
                if result.hop is not None and _TYPES.get(result.hop.route.type) == kind:
                    yield minus(part.destination, own), result.hop.route.oif or ""

    def route_to(self, address: Address) -> Route | None:
        """Look an address up in the main table."""
        return self._tables[MAIN_TABLE].get(address)

    def lookup(self, flow: Flow) -> Iterator[tuple[Flow, LookupResult]]:
        """Ask the rules of policy routing in their order (net/core/fib_rules.c, fib_rules_lookup).

        The first that selects packets decides, unless its table has no route for them. Of the parts of the flow that
        overlap each is one that can't be ruled out. The source of an unbound socket is `NO_SOURCE`, the device of what
        it sends `lo`.
        """
        return self._lookup(flow, 0, ())

    def _lookup(self, flow: Flow, start: int, doubts: tuple[PolicyRule, ...]) -> Iterator[tuple[Flow, LookupResult]]:
        here = [(flow, doubts)]
        for at in range(start, len(self._rules)):
            after: list[tuple[Flow, tuple[PolicyRule, ...]]] = []
            rule, selectors = self._rules[at]
            for part, before in here:
                split = split_by(selectors, part)
                if rule.negated:
                    split = split.denied
                after += [(other, before) for other in (*split.doubtful, *split.outside)]
                for selected in split.inside:
                    after += [(other, before) for other in (yield from self._selected(at, selected, before))]
                for selected in split.doubtful:
                    yield from self._selected(at, selected, (*before, rule))
            here = after
        for part, before in here:
            yield part, LookupResult(None, doubts=before)

    def _selected(
        self, at: int, flow: Flow, doubts: tuple[PolicyRule, ...]
    ) -> Generator[tuple[Flow, LookupResult], None, list[Flow]]:
        """Follow a rule for packets that it selects; return those that the next one is asked for."""
        rule, _ = self._rules[at]
        if rule.action == "goto":
            places = (place for place in range(at + 1, len(self._rules)) if self._rules[place][0].priority == rule.goto)
            target = next(places, None)
            if target is None:
                return [flow]
            yield from self._lookup(flow, target, doubts)
            return []
        if rule.action == "nop":
            return [flow]
        left: list[Flow] = []
        for part, result in self._by(rule, flow):
            if result is None:
                left.append(part)
            else:
                yield part, replace(result, doubts=doubts)
        return left

    def _by(self, rule: PolicyRule, flow: Flow) -> Iterator[tuple[Flow, LookupResult | None]]:
        """Follow a rule; None for packets of which the next is asked: its table has no route, or one that says so."""
        if rule.action != "lookup":
            yield flow, LookupResult(rule)
        elif rule.table == LOCAL_TABLE:
            split = cut(flow, DESTINATION, self._every_own)
            yield from ((part, None) for part in split.outside)
            rest = [*split.inside]
            for addresses, _, _ in self.own if rest else ():
                splits = [cut(part, DESTINATION, addresses) for part in rest]
                yield from ((part, LookupResult(rule, local=True)) for split in splits for part in split.inside)
                rest = [part for split in splits for part in split.outside]
        else:
            yield from self._by_table(rule, flow)

    def _by_table(self, rule: PolicyRule, flow: Flow) -> Iterator[tuple[Flow, LookupResult | None]]:
        table = self._tables.get(rule.table)
        depends_on_device = rule.unread and not rule.table  # by a VRF
        if table is None:
            yield flow, LookupResult(rule) if depends_on_device else None
            return
        rest = flow.destinations
        for addresses, hop in table.split(self.version, rest):
            rest = minus(rest, addresses)
            (part,) = cut(flow, DESTINATION, addresses).inside
            refuses = hop.route.type in _REFUSING
            suppressed = rule.suppress is not None and not refuses and hop.route.prefix.length <= rule.suppress
            if hop.route.type == "throw" or suppressed:
                yield part, None
            else:
                yield part, LookupResult(rule, hop)
        for part in cut(flow, DESTINATION, rest).inside:
            yield part, LookupResult(rule) if depends_on_device else None

    def _on_link(self, device: str) -> Intervals:
        """Return the addresses of hosts on a device's own network: those of its addresses, else of its routes.

        What of these the node leads elsewhere the hosts reach all the same: they share the network, not its routes.
        """
        addresses = self.networks_of(device)
        if addresses:
            return meet(addresses, self.addresses_of("UNICAST"))
        for group, (route, _) in self._tables[MAIN_TABLE].groups:
            if route.oif == device and route.next_hop is None and route.type == "unicast":
                addresses = join(addresses, group)
        return meet(addresses, self.addresses_of("UNICAST"))

    def entrances(self, sources: Intervals) -> Iterator[tuple[Intervals, str]]:
        """Return the devices by which answers leave to some addresses, and to which."""
        for addresses, (route, _) in self._tables[MAIN_TABLE].split(self.version, sources):
            device = route.oif or next((hop.oif for hop in route.hops), None)
            if device is not None:
                yield addresses, device

    def is_bridge(self, device: str) -> bool:
        """Whether a device is a bridge; one of a record that does not tell is taken for one."""
        return self._types.get(device) in (None, BRIDGE)


def _in_use(route: Route, unused: Collection[str]) -> Iterator[Route]:
    """Return a route as packets take it: not by devices that are not used (net/ipv4/fib_trie.c, fib_table_lookup)."""
    hops = tuple(hop for hop in route.hops if hop.oif not in unused)
    if route.type != "unicast" or (hops if route.hops else route.oif not in unused):
        yield replace(route, hops=hops)


def _selectors(rule: PolicyRule) -> tuple[Test, ...]:
    """Compile what packets a rule selects (fib_rule_match); no look-up here is for a device that packets leave by."""
    tests: list[Test] = []
    for field, prefix in ((SOURCE, rule.source), (DESTINATION, rule.destination)):
        if prefix is not None:
            tests.append(_cutting(field, of_prefix(prefix)))
    mark = None if rule.mark is None else Masked(rule.mark.value & rule.mark.mask, rule.mark.mask)

    def labels(flow: Flow) -> Split:
        selects = Holds.when((rule.iif is None or rule.iif == flow.iif) and rule.oif is None and not rule.tos)
        if mark is not None:
            selects = min(selects, flow.mark.is_one(mark))
        if rule.unread:
            selects = min(selects, Holds.SOMETIMES)
        return parted(flow, selects)

    by_labels = rule.iif is not None or rule.oif is not None or rule.tos or mark is not None or rule.unread
    return (*tests, labels) if by_labels else tuple(tests)


def _cutting(field: Field, wanted: Intervals) -> Test:
    return lambda flow: cut(flow, field, wanted)
