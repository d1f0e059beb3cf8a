"""A node's state as JSON values: every list of a record, and of what the journal and generations keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from netplan.documents import each
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Backend, Chain
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.ipset.value import IpSet
from netplan.kinds.link.value import Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.policy.value import PolicyRule
from netplan.kinds.resource import Change, Json, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl

_NOTHING_KNOWN: Final[Mapping[Resource, int]] = {}

_LISTS: Final[dict[str, type[Resource]]] = {
    "links": Link,
    "addresses": LinkAddress,
    "sysctls": Sysctl,
    "chains": Chain,
    "other_chains": OtherChain,
    "ipsets": IpSet,
    "neighbours": Neighbour,
    "fdb": FdbEntry,
    "policy_rules": PolicyRule,
    "routes": Route,
}
_OPTIONAL: Final = frozenset({"other_chains", "ipsets", "neighbours", "fdb", "policy_rules"})
"""Lists that a record has only if they are not empty; older ones never have them."""
RULES: Final = ("chains", "other_chains", "ipsets")
"""Lists whose objects depend on which of the kernel's two packet filters iptables writes to."""


def to_json(snapshot: Snapshot, known: Mapping[Resource, int] = _NOTHING_KNOWN) -> Json:
    """Give a state as JSON values; `from_json` reads it back. An object that is known is its number there."""
    lists = {name: [_item(resource, known) for resource in snapshot.all(kind)] for name, kind in _LISTS.items()}
    without = {} if snapshot.ipv6 else {"ipv6": False}
    return {"backend": snapshot.backend.value, **without} | {
        name: listed for name, listed in lists.items() if listed or name not in _OPTIONAL
    }


def _item(resource: Resource, known: Mapping[Resource, int]) -> Json | int:
    number = known.get(resource) if known else None
    return resource.to_json() if number is None else number


def from_json(data: Json, changes: Sequence[Change[Resource]] = ()) -> Snapshot:
    """Read what `to_json` gave; ValueError, KeyError, TypeError, AttributeError or OverflowError if it is not that.

    A number stands for the object that the change of that number makes.
    """

    def read(kind: type[Resource], item: Json | int) -> Resource:
        if not isinstance(item, int):
            return kind.from_json(item)
        made = changes[item].after if 0 <= item < len(changes) else None
        if not isinstance(made, kind):
            raise ValueError(f"{item} is the number of no change that makes a {kind.kind}")
        return made

    lists = ((name, partial(read, kind)) for name, kind in _LISTS.items())
    resources = [found for name, read_item in lists for found in each(name, _list(data, name), read_item)]
    return Snapshot.of(Backend(data["backend"]), resources, ipv6=bool(data.get("ipv6", True)))


def _list(data: Json, name: str) -> Iterable[Any]:
    listed: Iterable[Any] = data.get(name, ()) if name in _OPTIONAL else data[name]
    return listed
