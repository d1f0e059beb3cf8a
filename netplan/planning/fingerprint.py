"""Whether a plan still fits the state of its node, and whether it has been carried out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Final

from msgspec import Struct

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import ChainKey, PlacedRule
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import Address
from netplan.netfilter.iptables.rule import Rule
from netplan.planning.projection import project

_encoded: Final = json.JSONEncoder(sort_keys=True).encode

_LISTED: Final = 3
"""How many of the rules that came or went are named."""


def dependencies(changes: Iterable[Change[Resource]], snapshot: Snapshot) -> dict[str, str]:
    """Return digests of the parts of a snapshot that the changes depend on, by the part's name.

    These are the objects that change; the output devices of routes, with the addresses by which they reach the next
    hops; the MTU of the output devices of tunnels; and in nat the rules before those that change, with the chains that
    they lead into: what docker appends there for a container leaves the digests alone. Where packets are filtered our
    jump stands last, so that every rule counts. After the digest of rules follows a mark of each, which tells a rule
    that came since from those that stayed.
    """
    return {part.name: " ".join([digest(part.content), *map(_mark, part.rules)]) for part in _parts(changes, snapshot)}


def device_dependencies(
    next_hops: Mapping[str, Collection[Address]], links: Iterable[Link], addresses: Collection[LinkAddress]
) -> dict[str, str]:
    """Return the digests among `dependencies` that differ between nodes with the same changes: those of devices."""
    return {part.name: digest(part.content) for part in _devices(next_hops, links, addresses)}


def next_hops_of(changes: Iterable[Change[Resource]]) -> dict[str, set[Address]]:
    """Return the next hops of new routes by the devices that these leave by."""
    next_hops: dict[str, set[Address]] = {}
    for change in changes:
        route = change.after
        if isinstance(route, Route) and route.oif is not None and route.next_hop is not None:
            next_hops.setdefault(route.oif, set()).add(route.next_hop)
    return next_hops


def changed_since(
    depends: Mapping[str, str], changes: Iterable[Change[Resource]], now: Snapshot
) -> Iterator[tuple[str, str]]:
    """Return the parts whose digest is no longer the one in `depends`, and how each is now, or which rules differ."""
    changes = tuple(changes)
    known = {_mark(str(rule)): str(rule) for rule in _rules_of(changes)}
    for part in _parts(changes, now):
        before, *marks = depends.get(part.name, "").split(" ")
        if digest(part.content) != before:
            yield part.name, _difference(part, marks, known) if part.chain else part.text


def _rules_of(changes: Iterable[Change[Resource]]) -> Iterator[Rule]:
    sides = (side for change in changes for side in (change.before, change.after))
    return (side.rule for side in sides if isinstance(side, PlacedRule))


def _difference(part: _Part, marks: Sequence[str], known: Mapping[str, str]) -> str:
    """Return which rules came and which went, as text; one that went has a name only if the plan was to change it.

    In the place of each of the first rules that went, one from behind them has moved up.
    """
    removed = Counter(marks) - Counter(map(_mark, part.chain))
    names = {_mark(rule): rule for rule in part.rules}
    added = Counter(map(_mark, part.rules[: len(part.rules) - (removed.total() if part.first else 0)])) - Counter(marks)
    texts = [f"{names[mark]} came" for mark in added.elements()]
    texts += [f"{known.get(mark, 'a rule')} went" for mark in removed.elements()]
    more = f"; and {len(texts) - _LISTED} more came or went" if len(texts) > _LISTED else ""
    return "; ".join(texts[:_LISTED]) + more if texts else "they stand in another order"


def unmet(changes: Sequence[Change[Resource]], before: Snapshot, now: Snapshot) -> Iterator[Change[Resource]]:
    """Return the changes whose outcome is not in the state `now`, seen from the state `before` them."""
    expected = project(before, changes)
    for change in changes:
        resource = change.resource
        if isinstance(resource, PlacedRule):
            depth = 0 if change.after is None else resource.position
            met = _stands(resource.rule, depth, expected.rules(resource.chain), now.rules(resource.chain))
        elif isinstance(resource, Route):
            there, wanted = now.routes.get(resource.key, ()), expected.routes.get(resource.key, ())
            met = list(there) == list(wanted) or _same(change, wanted, there)
        else:
            key = (resource.kind, resource.key)
            met = expected.index.get(key) == now.index.get(key)
        if not met:
            yield change


def _same(change: Change[Resource], expected: Sequence[Route], now: Sequence[Route]) -> bool:
    """Whether the routes of a key are as expected, whatever other programs added or deleted meanwhile."""
    known = [route for route in now if route.ours or route in expected or route == change.before]
    return known == [route for route in expected if route.ours or route in now]


def unlike(
    changes: Sequence[Change[Resource]], others: Sequence[Change[Resource]]
) -> tuple[tuple[str, Change[Resource]], ...]:
    """Return the changes that only one of two lists has: "-" with those of the first, "+" with those of the second.

    The position of a rule does not count: another program's rule before it shifts it.
    """
    removed, added = _beyond(changes, others), _beyond(others, changes)
    return (*(("-", change) for change in removed), *(("+", change) for change in added))


def _beyond(changes: Iterable[Change[Resource]], others: Iterable[Change[Resource]]) -> Iterator[Change[Resource]]:
    """Return the changes that are more than those of the others."""
    left = Counter(map(_substance, others))
    for change in changes:
        substance = _substance(change)
        if not left[substance]:
            yield change
        left[substance] -= 1


def _substance(change: Change[Resource]) -> Hashable:
    return tuple(
        (side.chain, side.rule) if isinstance(side, PlacedRule) else side for side in (change.before, change.after)
    )


def _stands(rule: Rule, depth: int, expected: Sequence[Rule], now: Sequence[Rule]) -> bool:
    """Whether a rule is there as often as expected, behind the rules expected, whatever else changed meanwhile."""
    wanted, there = {*expected}, {*now}
    known = [other for other in now if other in wanted]
    before = [other for other in expected[:depth] if other in there]
    return expected.count(rule) == now.count(rule) and known[: len(before)] == before


def digest(value: object) -> str:
    """Return the SHA-256 of JSON values."""
    return _NOTHING if value is None else _digest(value)


def _digest(value: object) -> str:
    return "sha256:" + hashlib.sha256(_encoded(value).encode()).hexdigest()


_NOTHING: Final = _digest(None)
"""The digest of what is absent, such as everything that a first apply creates."""


def _mark(rule: str) -> str:
    """Return a few digits by which a rule is told from the others of its chain."""
    return hashlib.sha256(rule.encode(errors="surrogateescape")).hexdigest()[:8]


class _Part(Struct, frozen=True):
    """Something that a plan depends on: its name, its content as JSON values, and the same as text.

    Of rules it has those, all those of their chain, and whether they are only the first of the chain.
    """

    name: str
    content: object
    text: str
    rules: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    first: bool = False


def _parts(changes: Iterable[Change[Resource]], snapshot: Snapshot) -> Iterator[_Part]:
    changes = tuple(changes)
    yield _Part("the firewall backend", snapshot.backend.value, snapshot.backend.value)
    placed: dict[ChainKey, list[Change[Resource]]] = {}
    for change in changes:
        resource = change.resource
        if isinstance(resource, PlacedRule):
            placed.setdefault(resource.chain, []).append(change)
            continue
        yield _object(resource, snapshot)
    yield from _devices(next_hops_of(changes), snapshot.all(Link), snapshot.all(LinkAddress))
    yield from _carriers(changes, snapshot)
    beside = [chain for chain in snapshot.all(OtherChain) if chain.on_the_way]
    if beside:
        text = "; ".join(map(str, beside))
        yield _Part("the rules beside this iptables", [chain.to_json() for chain in beside], text)
    for key, edits in placed.items():
        depth = _depth(edits) if key.table == "nat" else None
        chain = tuple(map(str, snapshot.rules(key)))
        rules = chain[:depth]
        name = f"the {'rules' if depth is None else 'first rules'} of {key}"
        yield _Part(name, [*rules], "; ".join(rules) or "none", rules, chain, depth is not None)
        if depth is not None:
            yield from _below(key, snapshot.rules(key)[:depth], snapshot)


def _object(resource: Resource, snapshot: Snapshot) -> _Part:
    """Return an object as it is, or all routes of its key."""
    there: Sequence[Resource] = snapshot.routes.get(resource.key, ()) if isinstance(resource, Route) else ()
    name, present = f"{resource.kind} {resource.label}", snapshot.index.get((resource.kind, resource.key))
    if there[1:]:
        return _Part(name, [route.to_json() for route in there], "; ".join(map(str, there)))
    return _Part(name, *((None, "not there") if present is None else (present.to_json(), str(present))))


def _devices(
    next_hops: Mapping[str, Collection[Address]], links: Iterable[Link], addresses: Collection[LinkAddress]
) -> Iterator[_Part]:
    """Return the devices by which new routes leave, each with those of its addresses that reach a next hop."""
    there = {link.name for link in links}
    for device, towards in next_hops.items():
        own = {address.address for address in addresses if address.link == device}
        reaching = sorted(str(address) for address in own if any(map(address.prefix.contains, towards)))
        text = ", ".join(reaching) or f"no address towards {min(towards)}"
        known = device in there
        yield _Part(f"interface {device}", reaching if known else None, text if known else "not there")


def _carriers(changes: Iterable[Change[Resource]], snapshot: Snapshot) -> Iterator[_Part]:
    """Return the bytes that devices leave to the tunnels whose MTU a plan sets; of a missing device as planned."""
    carried = {link.name: link.mtu for link in snapshot.all(Link)}
    for change in changes:
        link, before = change.after, change.before
        if not isinstance(link, Link) or link.vxlan is None or link.vxlan.device is None:
            continue
        if isinstance(before, Link) and before.mtu == link.mtu:
            continue
        mtu = carried.get(link.vxlan.device, link.mtu + link.vxlan.overhead)
        yield _Part(f"the MTU of {link.vxlan.device}", mtu - link.vxlan.overhead, str(mtu))


def _below(key: ChainKey, rules: Sequence[Rule], snapshot: Snapshot) -> Iterator[_Part]:
    """Return the chains of other programs that rules lead into, and on from there, as far as they were read."""
    seen = {key}
    waiting = [*rules]
    while waiting:
        target = waiting.pop().target
        below = None if target is None else key._replace(name=target.name)
        if below is None or below in seen or below.owned or below not in snapshot.chains:
            continue
        seen.add(below)
        inner = snapshot.rules(below)
        waiting += inner
        yield _Part(f"chain {below}", list(map(str, inner)), "; ".join(map(str, inner)) or "no rules")


def _depth(edits: Iterable[Change[Resource]]) -> int:
    """Return how many rules of a chain as it is stand before the last place where one is deleted or created.

    The position of a created rule counts the rules that stay and those created before it.
    """
    edits = tuple(edits)
    deleted = {change.before.position for change in edits if isinstance(change.before, PlacedRule)}
    created = sorted(change.after.position for change in edits if isinstance(change.after, PlacedRule))
    staying = (position for position in count(1) if position not in deleted)
    passed = max((position - 1 - earlier for earlier, position in enumerate(created)), default=0)
    return max([*deleted, *islice(staying, passed)], default=0)
