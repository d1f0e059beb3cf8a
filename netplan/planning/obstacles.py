"""What stands in the way of some objects of a plan alone: all else can be done but what depends on them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Self, TypeAlias

from msgspec import Struct

from netplan.kinds.resource import ObjectRefusedError, Resource

Identity: TypeAlias = tuple[str, Hashable]
"""The kind and the key of an object."""


class Obstacle(Struct, frozen=True):
    """Why some objects can't be written, as a text for the user, and which they are."""

    text: str
    objects: frozenset[Identity]

    @classmethod
    def before(cls, text: str, resources: Iterable[Resource]) -> Self:
        """Return what stands in the way of those objects."""
        return cls(text, frozenset(map(identity, resources)))

    def __str__(self) -> str:
        return self.text


def identity(resource: Resource) -> Identity:
    """Return what identifies an object, whatever its other fields are."""
    return resource.kind, resource.key


def left_out_by(error: ObjectRefusedError) -> tuple[Obstacle, ...]:
    """Return what stands in the way of the objects that the kernel refused at once, one obstacle for each text."""
    resources: dict[str, list[Resource]] = {}
    for refusal in (error, *error.others):
        resources.setdefault(str(refusal), []).append(refusal.change.resource)
    return tuple(Obstacle.before(text, refused) for text, refused in resources.items())
