"""Undo: one more diff, from the state before to the state now, over our objects and those that a plan touched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from netplan.kinds import registry
from netplan.kinds.chain.edit import Slot, changes_to
from netplan.kinds.chain.place import put_back
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule, is_our_jump
from netplan.kinds.link.value import Link
from netplan.kinds.registry import stands_on
from netplan.kinds.resource import Change, Reason, Resource, Wanted
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.forwarding import SWITCHES, follows, once_switched, switched_first
from netplan.kinds.sysctl.value import Sysctl
from netplan.netfilter.iptables.rule import Rule
from netplan.planning.diff import Routes, diff_by_key, diff_routes
from netplan.planning.projection import after_updates, lost_with_links

BEFORE: Final = Reason("as it was before")


def undo_changes(
    before: Snapshot, now: Snapshot, touched: Sequence[Change[Resource]], reason: Reason = BEFORE
) -> Iterator[Change[Resource]]:
    """Return the changes that restore the state before; what other programs changed meanwhile stays as they left it."""
    undone = _undone(before, touched)
    settings = _settings(before, now, undone, _touched_sysctls(touched))
    state = now
    for kind in registry.values():
        if kind is Route:
            yield from _routes(before, now, state, undone, reason)
            continue
        wanted = [Wanted(resource, reason) for resource in before.all(kind) if undone(resource)]
        actual = [resource for resource in state.all(kind) if undone(resource)]
        lost = [resource for resource in lost_with_links(kind, now, state) if undone(resource)]
        changes = _sysctls(settings, state, reason) if kind is Sysctl else [*diff_by_key(wanted, actual, reason, lost)]
        yield from changes
        state = after_updates(state, changes)
    built_in = {chain.key for chain in before.all(Chain) if chain.policy is not None}  # rules can be put into them
    for key in sorted(key for key in built_in.union(now.chains) if not key.owned):
        yield from _rules(before.rules(key), now.rules(key), key, set(_touched_rules(key, touched)), reason)


def relevant(state: Snapshot, touched: Sequence[Change[Resource]]) -> Snapshot:
    """Return what of a state `undo_changes` looks at, so that it need not be kept whole.

    That is what is ours or was touched, with what stands on such links and the routes that stand beside such ones;
    sysctls; and the chains that hold our jumps or rules that were touched.
    """
    placed = _touched_chains(touched)
    undone = _undone(state, touched)
    beside = {route for routes in state.routes.values() if routes[1:] and any(map(undone, routes)) for route in routes}
    kept = [
        resource
        for kind in registry.values()
        for resource in state.all(kind)
        if undone(resource) or isinstance(resource, Sysctl) or (beside and resource in beside)
    ]
    others = (chain for chain in state.all(Chain) if not chain.ours)
    holding = (chain for chain in others if chain.key in placed or any(map(is_our_jump, chain.rules)))
    return Snapshot.of(state.backend, [*kept, *holding])


class AppliedChanges(NamedTuple):
    """What was done to a node once: the changes, and the state before them."""

    changes: Sequence[Change[Resource]]
    before: Snapshot


def earlier(after: Snapshot, later: Sequence[AppliedChanges]) -> Snapshot:
    """Return the state to which to restore in order to undo several applies, of which the first led from `after`.

    Objects of ours are as in `after`, with the parameters of our links. What else was touched is as it was before the
    first apply that touched it.
    """
    placed = {key for applied in later for key in _touched_chains(applied.changes)}
    others = [chain for chain in after.all(Chain) if chain.key not in placed]
    chains = [Chain(key, _earlier_rules(key, after, later)) for key in sorted(placed)]
    own = {link.name for link in after.all(Link) if link.ours}
    sysctls: dict[Hashable, Sysctl] = {sysctl.key: sysctl for sysctl in after.all(Sysctl) if sysctl.device in own}
    for applied in later:
        touched = _touched_sysctls(applied.changes)
        sysctls = {sysctl.key: sysctl for sysctl in applied.before.all(Sysctl) if _reached(sysctl, touched)} | sysctls
    state = after.replace(Chain, [*others, *chains]).replace(Sysctl, sysctls.values())
    adopted = [*_adopted(after, later)]
    for kind in {type(resource) for resource in adopted}:
        state = state.replace(kind, [*after.all(kind), *(resource for resource in adopted if type(resource) is kind)])
    return state


def _adopted(after: Snapshot, later: Sequence[AppliedChanges]) -> Iterator[Resource]:
    """Return adopted objects of other programs, with what stood on such links, as they were before the first apply."""
    known = {(resource.kind, resource.key) for kind in registry.values() for resource in after.all(kind)}
    for applied in later:
        sides = [side for change in applied.changes for side in (change.before, change.after) if side is not None]
        touched = {(side.kind, side.key) for side in sides}
        links = {link.name for link in applied.before.all(Link) if not link.ours and (link.kind, link.key) in touched}
        kinds = (kind for kind in registry.values() if kind not in (Chain, Sysctl))
        for resource in chain.from_iterable(map(applied.before.all, kinds)):
            key = (resource.kind, resource.key)
            stood = not isinstance(resource, Route) and not links.isdisjoint(stands_on(resource))
            if key not in known and (stood or (key in touched and not resource.ours)):
                known.add(key)
                yield resource
        known |= touched


def _earlier_rules(key: ChainKey, after: Snapshot, later: Sequence[AppliedChanges]) -> tuple[Rule, ...]:
    touching = [(applied.before.rules(key), {*_touched_rules(key, applied.changes)}) for applied in later]
    rules = next(before for before, touched in touching if touched)
    seen: set[Rule] = set()
    for before, touched in touching:
        if touched:
            rules = _in_slots(put_back(before, rules, touched - seen))
            seen |= touched
    return _in_slots(put_back(after.rules(key), rules, ()))


def _in_slots(slots: Sequence[Slot]) -> tuple[Rule, ...]:
    return tuple(slot.rule for slot in slots)


def _undone(before: Snapshot, touched: Iterable[Change[Resource]]) -> Callable[[Resource], bool]:
    """Return the test whether an object is undone: ours, one that the changes touched, or on such a link."""
    sides = [side for change in touched for side in (change.before, change.after) if side is not None]
    keys = {_identity(side) for side in sides if isinstance(side, Link) or not side.ours}
    links = {link.name for link in before.all(Link) if link.ours or (link.kind, link.key) in keys}

    def undone(resource: Resource) -> bool:
        if resource.ours or (keys and _identity(resource) in keys):
            return True
        return not isinstance(resource, Route) and not links.isdisjoint(stands_on(resource))

    return undone


def _identity(resource: Resource) -> tuple[str, Hashable]:
    """Return what tells an object from all others: its key, but of a route the whole of it."""
    return resource.kind, resource if isinstance(resource, Route) else resource.key


def _routes(
    before: Snapshot, now: Snapshot, state: Snapshot, undone: Callable[[Resource], bool], reason: Reason
) -> Iterator[Change[Route]]:
    wanted = (Wanted(route, reason) for route in before.all(Route) if undone(route))
    lost = tuple(filter(undone, lost_with_links(Route, now, state)))
    yield from diff_routes(wanted, Routes(state.routes, undone, lost, before.routes), reason)


def _reached(sysctl: Sysctl, touched: Collection[str]) -> bool:
    """Whether a parameter was touched, or rewritten by the kernel as another one was."""
    return sysctl.name in touched or follows(sysctl.name, SWITCHES.intersection(touched))


def _settings(
    before: Snapshot, now: Snapshot, undone: Callable[[Resource], bool], touched: Collection[str]
) -> list[Sysctl]:
    """Return the parameters that get their values back: those that are undone, and what the kernel rewrote with them.

    The latter follow the switches of forwarding that were `touched`. A missing one can't be set, unless it comes with a
    link that is created; and one that was missing before goes with its link. Where a switch has another value now,
    which stays, as after a reboot, devices forward as it says.
    """
    switched = SWITCHES.intersection(touched)
    moved = {name for name in SWITCHES if before.index.get((Sysctl.kind, name)) != now.index.get((Sysctl.kind, name))}
    elsewhere = moved - switched
    links = [link for link in before.all(Link) if undone(link)]
    coming = {link.name for link in links if now.index.get((link.kind, link.key)) != link}
    there = {sysctl.name for sysctl in now.all(Sysctl)}
    return [
        sysctl
        for sysctl in before.all(Sysctl)
        if (
            undone(sysctl)
            and (sysctl.device is None or sysctl.device in coming or sysctl.name in there)
            and (sysctl.name in touched or not follows(sysctl.name, elsewhere))
        )
        or (follows(sysctl.name, switched) and sysctl.name in there)
    ]


def _sysctls(wanted: Iterable[Sysctl], now: Snapshot, reason: Reason) -> list[Change[Sysctl]]:
    """Return the changes that give parameters their values, the switches of forwarding first."""
    ordered = switched_first(wanted)
    names = {sysctl.name for sysctl in ordered}
    actual = [sysctl for sysctl in now.all(Sysctl) if sysctl.name in names]
    return [*diff_by_key([Wanted(sysctl, reason) for sysctl in ordered], once_switched(actual, ordered), reason)]


def _rules(
    before: Sequence[Rule], now: Sequence[Rule], key: ChainKey, touched: Collection[Rule], reason: Reason
) -> Iterator[Change[PlacedRule]]:
    reasons = {rule: reason for rule in (*before, *now) if rule in touched or is_our_jump(rule)}
    yield from changes_to(key, now, put_back(before, now, touched), reasons)


def _touched_sysctls(touched: Iterable[Change[Resource]]) -> set[str]:
    return {change.resource.name for change in touched if isinstance(change.resource, Sysctl)}


def _touched_chains(touched: Iterable[Change[Resource]]) -> set[ChainKey]:
    return {change.resource.chain for change in touched if isinstance(change.resource, PlacedRule)}


def _touched_rules(key: ChainKey, touched: Iterable[Change[Resource]]) -> Iterator[Rule]:
    for change in touched:
        for placed in (change.before, change.after):
            if isinstance(placed, PlacedRule) and placed.chain == key:
                yield placed.rule
