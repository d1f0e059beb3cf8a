"""Records of nodes' states, as files below state/: what `capture` writes and `plan` reads back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from netplan import __version__
from netplan.documents import MALFORMED, FormatError, each, explained, of_format
from netplan.errors import UsageError
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
from netplan.kinds.sysctl.originals import Overwritten
from netplan.kinds.sysctl.value import Sysctl
from netplan.system import files

FORMAT_VERSION: Final = "1.1"

_NOTHING_KNOWN: Final[Mapping[Resource, int]] = {}
_RECORD: Final = "a record of a node's state"

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


_RULES: Final = ("chains", "other_chains", "ipsets")
"""Lists whose objects depend on which of the kernel's two packet filters iptables writes to."""

_OVERWRITTEN: Final = "overwritten"
_OTHER: Final = "other_backend"


class Record(Struct, frozen=True):
    """A node's state, and the parameters of it that podnet had overwritten.

    `other` is the same state with the rules as the iptables of the other backend shows them, None if that is not known.
    """

    state: Snapshot
    overwritten: tuple[Overwritten, ...] = ()
    other: Snapshot | None = None

    def of(self, backend: Backend | None) -> Snapshot:
        """Return the state as the iptables of a backend shows it; as the node's own does for None or an unknown one."""
        return self.other if self.other is not None and self.other.backend is backend else self.state


def render(
    snapshot: Snapshot,
    node: str,
    cluster: str | None,
    overwritten: Iterable[Overwritten] = (),
    other: Snapshot | None = None,
) -> str:
    """Return the text of a record; `cluster` is None where it is not known, for `other` see `Record`."""
    written = [each.to_json() for each in overwritten]
    rules = {} if other is None else to_json(other)
    data = {
        "format_version": FORMAT_VERSION,
        "podnet_version": __version__,
        "cluster": cluster,
        "node": node,
        **to_json(snapshot),
        **({_OTHER: {name: rules[name] for name in ("backend", *_RULES) if name in rules}} if rules else {}),
        **({_OVERWRITTEN: written} if written else {}),
    }
    return json.dumps(data, indent=1) + "\n"


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


def parse(text: str, path: str, cluster: str, node: str) -> Record:
    """Read a record of a cluster's node; UsageError (2) names the file if it is another's, or no record."""
    try:
        data = json.loads(text)
        with of_format(data, FORMAT_VERSION):
            for name, expected in (("cluster", cluster), ("node", node)):
                if data[name] not in (None, expected):
                    raise UsageError(
                        f"{path} is a record of {name} {data[name]}, not of {expected}: capture {node} again"
                    )
            rules = data.get(_OTHER)
            other = None if rules is None else from_json({**data, **dict.fromkeys(("backend", *_RULES), ()), **rules})
            return Record(from_json(data), tuple(map(Overwritten.from_json, data.get(_OVERWRITTEN, ()))), other)
    except FormatError as error:
        raise UsageError(f"{path} has record {error}: capture the node again") from error
    except MALFORMED as error:
        raise UsageError(explained(error, path, _RECORD)) from error


def _list(data: Json, name: str) -> Iterable[Any]:
    listed: Iterable[Any] = data.get(name, ()) if name in _OPTIONAL else data[name]
    return listed


def path_of(folder: Path, cluster: str, node: str) -> Path:
    """Give the file of a node's record below a state folder."""
    return folder / cluster / f"{node}.json"


def read(folder: Path, cluster: str, node: str) -> Record | None:
    """Read the record of a node below a state folder, None if it has none."""
    path = path_of(folder, cluster, node)
    try:
        content = files.read(path, regular=True)
    except UsageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    return parse(content.decode(errors="surrogateescape"), str(path), cluster, node)
