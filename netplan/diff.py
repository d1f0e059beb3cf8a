"""Compare what a node should have with what it has, by key: once for all kinds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import chain
from operator import attrgetter
from typing import Final

from netplan.resource import Change, R_co, Reason, Wanted

_AGAIN: Final = "lost as its link changes"


def diff(
    wanted: Iterable[Wanted[R_co]], actual: Iterable[R_co], unwanted: Reason, lost: Iterable[R_co] = ()
) -> Iterator[Change[R_co]]:
    """Give the changes that lead from `actual` to `wanted`: creates and updates in the order wanted, then deletes.

    Deletes are in the order of their keys. `actual` are the objects that may be changed: ours, and those that the spec
    names. `unwanted` is the reason of a delete. Where the kernel holds more than one object of a key, as it may of
    routes, those too many are deleted.
    `lost` are those that changes before these take away: they are said to be deleted, or written again as they were.
    """
    present: dict[Hashable, list[R_co]] = {}
    again = frozenset(lost)
    for resource in chain(actual, lost):
        present.setdefault(resource.key, []).append(resource)
    for want in wanted:
        resource = want.resource
        found = present.get(resource.key) if present else None
        if not found:
            yield Change(None, resource, want.reason)
        elif resource in found:
            found.remove(resource)
            if resource in again:
                yield Change(resource, resource, want.reason.with_remark(_AGAIN))
        else:
            yield Change(found.pop(0), resource, want.reason)
    for resource in sorted(chain.from_iterable(present.values()), key=attrgetter("key")):
        yield Change(resource, None, unwanted)
