"""Compare what a node should have with what it has, by key: once for all kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netplan.resource import Change, R_co, Reason, Wanted


def diff(wanted: Iterable[Wanted[R_co]], actual: Iterable[R_co], unwanted: Reason) -> Iterator[Change[R_co]]:
    """Give the changes that lead from `actual` to `wanted`: creates and updates in the order wanted, then deletes.

    `actual` are the objects that may be changed: ours, and those that the spec names. `unwanted` is the reason of a
    delete.
    """
    present = {resource.key: resource for resource in actual}
    for want in wanted:
        before = present.pop(want.resource.key, None)
        if before != want.resource:
            yield Change(before, want.resource, want.reason)
    for resource in present.values():
        yield Change(resource, None, unwanted)
