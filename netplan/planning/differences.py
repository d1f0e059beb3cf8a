"""Every difference between what a node should have and what it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from msgspec.structs import replace

from netplan.desired.hooks import Hook, hooks_of
from netplan.desired.model import Desired
from netplan.kinds import registry
from netplan.kinds.chain.value import PlacedRule, is_our_jump
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change, Reason, Resource, Wanted
from netplan.kinds.route.value import Route, RouteKey
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.forwarding import once_switched, switched_first
from netplan.kinds.sysctl.value import Sysctl, of_ipv6
from netplan.planning.adoption import adopter
from netplan.planning.diff import Routes, diff_by_key, diff_routes
from netplan.planning.hooks import all_hooks, rule_changes
from netplan.planning.on_link import OnLink
from netplan.planning.projection import after_updates, lost_with_links
from netplan.planning.sysctls import put_back, waiting

STALE: Final = Reason("ours, and no longer wanted")
REPLACED: Final = "another program replaced it"
ADOPTED: Final = Reason("on a link that is taken over, and not wanted")
SECOND: Final = Reason("ours, and there is one already")


def diff_node(desired: Desired, snapshot: Snapshot) -> Iterator[Change[Resource]]:
    """Return every change from the snapshot to the desired state, kind by kind.

    Of foreign objects only those that the spec names change.
    """
    adopts = adopter(desired, snapshot)
    state = snapshot
    for kind in registry.values():
        if kind is Sysctl:
            yield from _sysctls(desired, state)
            continue
        if kind is Route:
            yield from (
                _explained(change, snapshot, desired.applied) for change in _routes(desired, snapshot, state, adopts)
            )
            continue
        actual = [resource for resource in state.all(kind) if resource.ours or adopts(resource)]
        lost = [resource for resource in lost_with_links(kind, snapshot, state) if resource.ours or adopts(resource)]
        changes = [_explained(change, snapshot) for change in diff_by_key(desired.wanted(kind), actual, STALE, lost)]
        yield from changes
        state = after_updates(state, changes)
    for hook in all_hooks(hooks_of(desired), snapshot):
        yield from _rule_changes(hook, desired, snapshot)


def _routes(
    desired: Desired, snapshot: Snapshot, state: Snapshot, adopts: Callable[[Resource], bool]
) -> Iterator[Change[Route]]:
    def may_change(route: Route) -> bool:
        return route.ours or adopts(route)

    lost = tuple(filter(may_change, lost_with_links(Route, snapshot, state)))
    routes = Routes(state.routes, may_change, lost, taken=OnLink(state).taken)
    yield from diff_routes(desired.wanted(Route), routes, STALE, SECOND)


def _explained(change: Change[Resource], snapshot: Snapshot, applied: Collection[RouteKey] = ()) -> Change[Resource]:
    """Return the change with the reason why a link is replaced, an object adopted or restored, a foreign one goes."""
    before, after = change.before, change.after
    existing = before
    if before is not None and not isinstance(before, Route):
        existing = snapshot.index.get((before.kind, before.key))
    if existing is not None and not existing.ours:
        remark = REPLACED if isinstance(before, Route) and before.key in applied else "taken over"
        return replace(change, reason=ADOPTED if after is None else change.reason.with_remark(remark))
    if isinstance(before, Link) and isinstance(after, Link) and not before.can_become(after):
        remark = f"a new one: {before.fixed_unlike(after)} can't be changed"
        return replace(change, reason=change.reason.with_remark(remark))
    return change


def _sysctls(desired: Desired, snapshot: Snapshot) -> Iterator[Change[Sysctl]]:
    """Return the changes from the state in which forwarding is switched already: that rewrites what is set after it."""
    late = waiting(desired, snapshot)
    reasons = {want.resource: want.reason for want in desired.wanted(Sysctl)}
    reasons = {
        sysctl: reason for sysctl, reason in reasons.items() if sysctl not in late and _is_there(sysctl, snapshot)
    }
    reasons |= {want.resource: want.reason for want in put_back(desired, snapshot)}
    wanted = switched_first(reasons)
    names = {sysctl.name for sysctl in wanted}
    actual = [sysctl for sysctl in snapshot.all(Sysctl) if sysctl.name in names]
    yield from diff_by_key([Wanted(sysctl, reasons[sysctl]) for sysctl in wanted], once_switched(actual, wanted), STALE)


def _is_there(sysctl: Sysctl, snapshot: Snapshot) -> bool:
    """Whether a parameter may differ from what is desired: in a kernel without IPv6 all of IPv6 count as 0."""
    return snapshot.ipv6 or sysctl.value != "0" or not of_ipv6(sysctl.name)


def _rule_changes(hook: Hook, desired: Desired, snapshot: Snapshot) -> Iterator[Change[PlacedRule]]:
    jump = next((jump for jump in desired.jumps if jump.hook == hook.chain), None)
    reasons = {rule: STALE for rule in snapshot.rules(hook.chain) if is_our_jump(rule)}
    reasons |= {removal.rule: removal.reason for removal in desired.removals if removal.chain == hook.chain}
    if jump is not None:
        reasons[jump.rule] = jump.reason
    for change in rule_changes(hook, snapshot, reasons):
        second = change.after is None and jump is not None and change.resource.rule == jump.rule
        yield replace(change, reason=SECOND) if second else change
