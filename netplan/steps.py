"""The order in which changes reach the kernel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from netplan.kinds.chain.value import Chain, PlacedRule
from netplan.resource import Action, Change, Resource

_CREATED: Final = ("link", "address", "sysctl", "table", "route", "neighbour", "fdb")


@dataclass(frozen=True, slots=True)
class Step:
    """Changes that are written together: those of one kind, or of one table of the packet filter.

    A table is changed in one transaction, chains and rules together; the objects of another kind one by one.
    """

    kind: str
    table: str
    changes: tuple[Change[Resource], ...]

    def __str__(self) -> str:
        return f"table {self.table}" if self.table else f"{self.kind}s"


def steps(changes: Iterable[Change[Resource]]) -> tuple[Step, ...]:
    """Group changes and put them in order.

    What is referred to comes before what refers to it, and rules come before routes, so that no connection is pinned to
    a wrong source address. Deletes come last, in the opposite order.
    """
    groups: dict[tuple[str, str, bool], list[Change[Resource]]] = {}
    changes = tuple(changes)
    filled = {_group(change) for change in changes if not _leaves(change)}
    for change in changes:
        kind, table = _group(change)
        leaving = _leaves(change) and (not table or (kind, table) not in filled)
        groups.setdefault((kind, table, leaving), []).append(change)
    ordered = sorted(groups, key=lambda key: (key[2], -_CREATED.index(key[0]) if key[2] else _CREATED.index(key[0])))
    return tuple(Step(key[0], key[1], tuple(groups[key])) for key in ordered)


def _leaves(change: Change[Resource]) -> bool:
    """Whether the change takes an object of ours away; a foreign rule that must go goes before routes come."""
    return change.action is Action.DELETE and change.resource.ours


def _group(change: Change[Resource]) -> tuple[str, str]:
    resource = change.resource
    if isinstance(resource, Chain):
        return "table", resource.key.table
    if isinstance(resource, PlacedRule):
        return "table", resource.chain.table
    return resource.kind, ""
