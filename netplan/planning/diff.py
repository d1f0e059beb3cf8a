"""Compare what a node should have with what it has, by key: once for all kinds, and once for routes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Final

from msgspec import Struct

from netplan.kinds.resource import Change, R_co, Reason, Wanted
from netplan.kinds.route.order import Step, arranged, by_key, steps
from netplan.kinds.route.value import Route, RouteKey

_AGAIN: Final = "lost as its link changes"
_MOVED: Final = "in its order among those of its prefix"


def diff_by_key(
    wanted: Iterable[Wanted[R_co]], actual: Iterable[R_co], unwanted: Reason, lost: Iterable[R_co] = ()
) -> Iterator[Change[R_co]]:
    """Return the changes that lead from `actual` to `wanted`: creates and updates in the order wanted, then deletes.

    Deletes are in the order of their keys. `actual` are the objects that may be changed: ours, and those that the spec
    names. `unwanted` is the reason of a delete.
    `lost` are those that changes before these take away: they are said to be deleted, or written again as they were.
    """
    again = {resource.key: resource for resource in lost}
    present: dict[Hashable, R_co] = {resource.key: resource for resource in actual} | again
    for want in wanted:
        resource = want.resource
        before = present.pop(resource.key, None)
        if before is None:
            yield Change(None, resource, want.reason)
        elif before != resource:
            yield Change(before, resource, want.reason)
        elif again and resource.key in again:
            yield Change(resource, resource, want.reason.with_remark(_AGAIN))
    for resource in sorted(present.values(), key=attrgetter("key")):
        yield Change(resource, None, unwanted)


class Routes(Struct, frozen=True):
    """The routes of a state, by their keys and in the kernel's order, and which of them may be changed.

    `lost` are those that changes before take away; `order` is that in which routes of one key are to be. `taken` says
    what the kernel makes of one that is not there as it is wanted.
    """

    there: Mapping[RouteKey, Sequence[Route]]
    may_change: Callable[[Route], bool]
    lost: Sequence[Route] = ()
    order: Mapping[RouteKey, Sequence[Route]] = {}
    taken: Callable[[Route], Route] = lambda route: route


def diff_routes(
    wanted: Iterable[Wanted[Route]], routes: Routes, unwanted: Reason, second: Reason | None = None
) -> Iterator[Change[Route]]:
    """Return the changes from the routes of a state to those wanted, as `diff` does.

    Those that may not be changed stay, in their order. `second` is the reason of a delete where another of its key is
    wanted, by default `unwanted`.
    """
    present, lost = dict(routes.there), by_key(routes.lost)
    deletes: list[Change[Route]] = []
    for key, group in _grouped(wanted, routes.order):
        there = present.pop(key, ())
        taken_away = lost.pop(key, []) if lost else []
        wants = [_as_taken(want, there, routes) for want in group]
        want, alone = wants[0], not (there[1:] or taken_away or wants[1:])
        if alone and not there:
            yield Change(None, want.resource, want.reason)
        elif alone and there[0] == want.resource:
            continue
        elif alone and routes.may_change(there[0]):
            yield Change(there[0], want.resource, want.reason)
        else:
            changes = [*_of_key(wants, there, taken_away, routes, second or unwanted)]
            yield from (change for change in changes if change.after is not None)
            deletes += (change for change in changes if change.after is None)
    stale = filter(routes.may_change, chain.from_iterable(present.values()))
    deletes += [Change(route, None, unwanted) for route in chain(stale, *lost.values())]
    yield from sorted(deletes, key=lambda change: change.resource.key)


def _grouped(
    wanted: Iterable[Wanted[Route]], order: Mapping[RouteKey, Sequence[Route]]
) -> Iterator[tuple[RouteKey, Sequence[Wanted[Route]]]]:
    """Yield what is wanted by its keys; last those of which several are."""
    several = {key for key, there in order.items() if there[1:]}
    grouped: dict[RouteKey, list[Wanted[Route]]] = {}
    for want in wanted:
        key = want.resource.key
        if several and key in several:
            grouped.setdefault(key, []).append(want)
        else:
            yield key, (want,)
    yield from grouped.items()


def _as_taken(want: Wanted[Route], there: Sequence[Route], routes: Routes) -> Wanted[Route]:
    """Return a wanted route as the kernel takes it; one that is there stays, whatever has become of its device."""
    if want.resource in there:
        return want
    return Wanted(routes.taken(want.resource), want.reason)


def _of_key(
    wants: Sequence[Wanted[Route]], there: Sequence[Route], lost: list[Route], routes: Routes, unwanted: Reason
) -> Iterator[Change[Route]]:
    reasons = {want.resource: want.reason for want in wants}
    fixed = [route for route in there if not routes.may_change(route)]
    order = routes.order.get(wants[0].resource.key, [*reasons])
    for step in steps(there, arranged(there, [*reasons], fixed, order), fixed):
        yield _change(step, reasons, lost, unwanted)
    yield from (Change(route, None, unwanted) for route in lost)


def _change(step: Step, reasons: Mapping[Route, Reason], lost: list[Route], unwanted: Reason) -> Change[Route]:
    """Return the change of a step; one that comes takes the place of one that is lost, if one of its key is."""
    before, after, place = step
    if after is None:
        return Change(before, None, unwanted)
    reason = reasons[after]
    if before is None and lost:
        before = lost.pop(lost.index(after) if after in lost else 0)
        return Change(before, after, reason.with_remark(_AGAIN) if before == after else reason, place)
    return Change(before, after, reason.with_remark(_MOVED) if before == after else reason, place)
