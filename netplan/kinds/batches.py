"""The order in which changes reach the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from netplan.kinds import registry
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, PlacedRule, table_label
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Action, Change, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address

TABLE: Final = "table"
"""The kind of a batch of a table of the packet filter."""


class Batch(Struct, frozen=True):
    """Changes that are written together: those of one kind, or of one table of the packet filter for an IP version.

    A table is changed in one transaction, chains and rules together; the objects of another kind one by one. `chains`
    are those in which the positions of its rules count, as they were then.
    """

    kind: str
    table: str
    changes: tuple[Change[Resource], ...]
    version: int = 4
    chains: tuple[Chain, ...] = ()

    def __str__(self) -> str:
        if self.table:
            return f"{TABLE} {table_label(self.version, self.table)}"
        kind = registry.named(self.kind)
        return self.kind if kind is None else kind.plural


class _Group(Struct, frozen=True):
    """What the changes of a batch have in common."""

    kind: str
    table: str = ""
    version: int = 4


def batches(changes: Iterable[Change[Resource]], before: Snapshot | None = None) -> tuple[Batch, ...]:
    """Group changes to a state, if it is given, and put them in order.

    What is referred to comes before what refers to it, and rules come before routes, so that no connection is pinned to
    a wrong source address. Deletes come last, in the opposite order; only a link that excludes another goes before it,
    and an address of ours that becomes a next hop goes before its route. Where all else is deleted, parameters are no
    longer needed, and go back with their turn in that order.
    """
    groups: dict[tuple[_Group, bool], list[Change[Resource]]] = {}
    changes = tuple(changes)
    coming = _Coming.of(changes)
    sorted_out = [(change, _group(change), _leaves(change, coming)) for change in changes]
    filled = {group for _, group, leaves in sorted_out if not leaves}
    retreat = all(leaves or group.kind == Sysctl.kind for _, group, leaves in sorted_out)
    for change, group, leaves in sorted_out:
        leaving = (leaves and (not group.table or group not in filled)) or (retreat and group.kind == Sysctl.kind)
        groups.setdefault((group, leaving), []).append(change)
    ordered = sorted(groups, key=lambda key: (key[1], (-1 if key[1] else 1) * _place(key[0])))
    return tuple(_batch(group, groups[group, leaving], before) for group, leaving in ordered)


class _Coming(Struct, frozen=True):
    """What changes bring that others may stand in the way of: the kernel takes no next hop that is its own address."""

    links: tuple[Link, ...]
    next_hops: frozenset[Address]

    @classmethod
    def of(cls, changes: Iterable[Change[Resource]]) -> _Coming:
        created = [change.after for change in changes if change.after is not None]
        hops = (resource.next_hop for resource in created if isinstance(resource, Route))
        links = tuple(resource for resource in created if isinstance(resource, Link))
        return cls(links, frozenset(hop for hop in hops if hop is not None))


def _leaves(change: Change[Resource], coming: _Coming) -> bool:
    """Whether the change takes away what may stay until all else is done: an object of ours that obstructs none.

    A foreign object that must go goes before ours come.
    """
    resource = change.resource
    if isinstance(resource, Link) and any(resource.excludes(link) for link in coming.links):
        return False
    if isinstance(resource, LinkAddress) and resource.address.address in coming.next_hops:
        return False
    return change.action is Action.DELETE and resource.ours


def _in_order(kind: str, changes: Iterable[Change[Resource]]) -> tuple[Change[Resource], ...]:
    """Put links that go before those that come, addresses that go behind: routes go with the last one of a device."""
    row = registry.named(kind)
    first = None if row is None else row.first
    return tuple(changes if first is None else sorted(changes, key=lambda change: change.action is not first))


def _place(group: _Group) -> int:
    """Return the place of a batch in the order of creation: that of its kind, or of chains."""
    return registry.place_of(Chain.kind if group.table else group.kind)


def _batch(group: _Group, changes: Sequence[Change[Resource]], before: Snapshot | None) -> Batch:
    chains = () if before is None else tuple(_holding(changes, before))
    return Batch(group.kind, group.table, _in_order(group.kind, changes), group.version, chains)


def _holding(changes: Iterable[Change[Resource]], before: Snapshot) -> Iterator[Chain]:
    """Find the chains that rules are placed in."""
    keys = dict.fromkeys(change.resource.chain for change in changes if isinstance(change.resource, PlacedRule))
    return (before.chains[key] for key in keys if key in before.chains)


def _group(change: Change[Resource]) -> _Group:
    resource = change.resource
    if isinstance(resource, Chain):
        return _Group(TABLE, resource.key.table, resource.key.version)
    if isinstance(resource, PlacedRule):
        return _Group(TABLE, resource.chain.table, resource.chain.version)
    return _Group(resource.kind)
