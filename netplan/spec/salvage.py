"""Read what is valid of a document that may be wrong elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from netplan.spec.model import Defaults
from netplan.spec.yaml.document import Value
from netplan.spec.yaml.places import Key

T = TypeVar("T")
Path: TypeAlias = tuple[Key, ...]


def salvaged(read: Callable[[object], T], value: object) -> T | None:
    """Return what a value is read as, None if it is wrong."""
    try:
        return read(value)
    except ValueError:
        return None


def dig(data: object, *keys: str) -> object:
    """Return what stands under keys, one below the other; None if nothing does."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def saying(nodes: Mapping[str, Value], key: str) -> dict[str, Value]:
    """Return the nodes that say something for a key."""
    return {name: node for name, node in nodes.items() if isinstance(node, dict) and key in node}


def column(read: Callable[[object], T], nodes: Mapping[str, Value], key: str) -> dict[str, T]:
    """Return the valid values that the nodes have for one key."""
    return present({name: salvaged(read, dig(node, key)) for name, node in nodes.items()})


def present(values: Mapping[str, T | None]) -> dict[str, T]:
    """Leave out the nodes that have no value."""
    return {name: value for name, value in values.items() if value is not None}


def with_defaults(
    read: Callable[[object], T], data: Mapping[str, Value], nodes: Mapping[str, Value], key: str, *, count: int
) -> dict[Path, T]:
    """Return the valid values that nodes say for a key, and the default one unless all nodes, `count`, say it."""
    named = saying(nodes, key)
    default = salvaged(read, dig(data, "defaults", key)) or getattr(Defaults.model_construct(), key)
    values: dict[Path, T] = {} if named and len(named) == count else {("defaults", key): default}
    return values | {("nodes", name, key): value for name, value in column(read, named, key).items()}


def items_of(read: Callable[[object], T], data: object, section: str, key: str) -> dict[Path, T]:
    """Return the valid items of a list by their paths."""
    listed = dig(data, section, key)
    items: dict[Path, T] = {}
    for number, item in enumerate(listed if isinstance(listed, list) else ()):
        value = salvaged(read, item)
        if value is not None:
            items[section, key, number] = value
    return items
