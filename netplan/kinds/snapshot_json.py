"""A node's state as JSON values: every list of a record, and of what the journal and generations keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from netplan.documents import read_all
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.registry import Interface, Kind, kinds
from netplan.kinds.resource import Change, Json, Resource
from netplan.kinds.snapshot import Snapshot
from netplan.net import IfName

_NOTHING_KNOWN: Final[Mapping[Resource, int]] = {}


def to_json(snapshot: Snapshot, known: Mapping[Resource, int] = _NOTHING_KNOWN) -> Json:
    """Return a state as JSON values; `from_json` reads it back. An object that is known is its number there."""
    data: dict[str, Any] = {"backend": snapshot.backend.value, **dict(_seldom(snapshot))}
    for name, kind in _lists():
        objects = [_item(resource, known) for resource in snapshot.all(kind.value)]
        if objects or kind.required:
            data[name] = objects
    return data


def _seldom(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    """Return what is not usual of a state, or seldom known."""
    if not snapshot.ipv6:
        yield "ipv6", False
    if snapshot.linkdown:
        yield "linkdown", [[version, device] for version, device in sorted(snapshot.linkdown)]
    if snapshot.ipsec is not None:
        yield "ipsec", snapshot.ipsec


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
        resource = changes[item].after if 0 <= item < len(changes) else None
        if not isinstance(resource, kind):
            raise ValueError(f"{item} is the number of no change that makes a {kind.kind}")
        return resource

    resources = [
        resource
        for name, kind in _lists()
        for resource in read_all(name, _list(data, name, kind), partial(read, kind.value))
    ]
    state = Snapshot.of(FirewallBackend(data["backend"]), resources, ipv6=bool(data.get("ipv6", True)))
    ipsec = None if data.get("ipsec") is None else bool(data["ipsec"])
    linkdown = frozenset((int(version), IfName(str(device))) for version, device in data.get("linkdown", ()))
    return replace(state, linkdown=linkdown, ipsec=ipsec)


def of_packet_filter() -> tuple[str, ...]:
    """Return the lists whose objects depend on which of the kernel's two packet filters iptables writes to."""
    return tuple(name for name, kind in _lists() if kind.interface is Interface.NETFILTER)


def _lists() -> Iterator[tuple[str, Kind]]:
    return ((kind.records, kind) for kind in kinds() if kind.records is not None)


def _list(data: Json, name: str, kind: Kind) -> Iterable[Any]:
    listed: Iterable[Any] = data[name] if kind.required else data.get(name, ())
    return listed
