"""What the constraints have in common: one for each family, and the places and names that problems tell."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import wraps
from itertools import chain
from typing import Final, TypeAlias, TypeVar

from netplan.errors import Location, Problem
from netplan.spec.draft import Draft, Family
from netplan.spec.explain import suggest
from netplan.spec.model import NodeSpec

K = TypeVar("K")


_SHOWN: Final = 10  # names of nodes in one message

Note: TypeAlias = tuple[tuple[Location, str], ...]
Constraint: TypeAlias = Callable[[Draft], Iterator[Problem]]


def each_family(constraint: Callable[[Draft, Family], Iterator[Problem]]) -> Constraint:
    """Make a constraint on one IP version one on both."""

    @wraps(constraint)
    def both(draft: Draft) -> Iterator[Problem]:
        return chain.from_iterable(constraint(draft, family) for family in draft.families)

    return both


def repeated(values: Mapping[K, Hashable]) -> Iterator[tuple[K, K]]:
    """Return each key whose value an earlier key has too, with that key."""
    first: dict[Hashable, K] = {}
    for key, value in values.items():
        earlier = first.setdefault(value, key)
        if earlier != key:
            yield key, earlier


def nodes(names: Sequence[str]) -> str:
    """Write names in a sentence, the first ones of many: `node a`, `nodes a and b`."""
    if len(names) == 1:
        return f"node {names[0]}"
    shown, more = names[:_SHOWN], len(names) - _SHOWN
    if more > 0:
        return f"nodes {', '.join(shown)} and {more} more"
    return f"nodes {', '.join(shown[:-1])} and {shown[-1]}"


def misspelt(draft: Draft, name: str, key: str) -> bool:
    """Whether a key of a node looks like a certain one; it is reported as such."""
    node = (draft.nodes or {})[name]
    keys = node.keys() - NodeSpec.model_fields.keys() if isinstance(node, dict) else ()
    return any(suggest(word, (key,)) for word in keys)


def address_at(draft: Draft, name: str, family: Family) -> Location:
    """Return the place of a node's address of one IP version."""
    return draft.places.value("nodes", name, family.key("address"))


def node_note(draft: Draft, name: str, family: Family) -> Note:
    """Point at a node's address."""
    return ((address_at(draft, name, family), f"the address of node {name}"),)


def network_note(draft: Draft, family: Family) -> Note:
    """Point at the pod network."""
    return ((draft.places.value(family.key("network")), "the pod network"),)
