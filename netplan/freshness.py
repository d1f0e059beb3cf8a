"""Whether a plan still fits the state of its node, and whether it has been carried out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import ChainKey, PlacedRule
from netplan.project import project
from netplan.resource import Change, Resource
from netplan.snapshot import Snapshot


def dependencies(changes: Iterable[Change[Resource]], snapshot: Snapshot) -> dict[str, str]:
    """Digest what of a snapshot the changes depend on, by the part's name.

    These are the objects that change, and the rules before those that come or go; a change made elsewhere meanwhile,
    such as a rule that docker appends for a container, leaves the digests alone.
    """
    return {part.name: digest(part.content) for part in _parts(changes, snapshot)}


def changed_since(
    depends: Mapping[str, str], changes: Iterable[Change[Resource]], now: Snapshot
) -> Iterator[tuple[str, str]]:
    """Give the parts whose digest is no longer the one in `depends`, and how each of them is now."""
    for part in _parts(changes, now):
        if digest(part.content) != depends.get(part.name):
            yield part.name, part.text


def unmet(changes: Sequence[Change[Resource]], before: Snapshot, now: Snapshot) -> Iterator[Change[Resource]]:
    """Give the changes whose outcome is not in the state `now`, seen from the state `before` them."""
    expected = project(before, changes)
    for change in changes:
        resource = change.resource
        if isinstance(resource, PlacedRule):
            depth = 0 if change.after is None else resource.position
            met = _stands(resource.rule, depth, expected.rules(resource.chain), now.rules(resource.chain))
        else:
            key = (resource.kind, resource.key)
            met = expected.index.get(key) == now.index.get(key)
        if not met:
            yield change


def _stands(rule: Rule, depth: int, expected: Sequence[Rule], now: Sequence[Rule]) -> bool:
    """Whether a rule is there as often as expected, and behind the rules expected, whatever others added meanwhile."""
    known = [each for each in now if each in expected]
    return expected.count(rule) == now.count(rule) and known[:depth] == [*expected[:depth]]


def digest(value: object) -> str:
    """Give the SHA-256 of JSON values."""
    return "sha256:" + hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class _Part(NamedTuple):
    """Something that a plan depends on: its name, its content as JSON values, and the same for people."""

    name: str
    content: object
    text: str


def _parts(changes: Iterable[Change[Resource]], snapshot: Snapshot) -> Iterator[_Part]:
    yield _Part("the firewall backend", snapshot.backend.value, snapshot.backend.value)
    depths: dict[ChainKey, int] = {}
    for change in changes:
        resource = change.resource
        if isinstance(resource, PlacedRule):
            places = [placed.position for placed in (change.before, change.after) if isinstance(placed, PlacedRule)]
            depths[resource.chain] = max(depths.get(resource.chain, 0), *places)
            continue
        present = snapshot.index.get((resource.kind, resource.key))
        content, text = (None, "not there") if present is None else (present.to_json(), str(present))
        yield _Part(f"{resource.kind} {resource.label}", content, text)
    for key, depth in depths.items():
        rules = [str(rule) for rule in snapshot.rules(key)[:depth]]
        yield _Part(f"the first rules of {key}", rules, "; ".join(rules) or "none")
