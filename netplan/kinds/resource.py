"""What all kernel objects have in common: a key, a content, and changes that can be turned round."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from netplan.errors import KernelError, Location

Json = Mapping[str, Any]


class Resource(Protocol):
    """A frozen kernel object.

    `key` is what the kernel indexes by, so two objects of one key can't be there at once, but for routes, of which it
    keeps several in an order; equality covers the content too. `str()` is the object as the field's own tools print it.
    """

    kind: ClassVar[str]

    @property
    def key(self) -> Hashable:
        """What the kernel indexes the object by."""

    @property
    def label(self) -> str:
        """The key for people, in one line: `172.7.22.0/24`, `nat PODNET-POSTROUTING`."""

    @property
    def ours(self) -> bool:
        """Whether the object carries podnet's mark."""

    def to_json(self) -> Json:
        """Return the object as JSON values; `from_json` reads it back."""

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read what `to_json` gave; ValueError, KeyError, TypeError or OverflowError if it is something else."""


R_co = TypeVar("R_co", bound=Resource, covariant=True)


class Reason(Struct, frozen=True):
    """Why an object is wanted or a change is made, with the spec's line where there is one."""

    text: str
    at: Location | None = None

    def with_remark(self, remark: str) -> Reason:
        """Return the reason with something more to say of the change."""
        return replace(self, text=f"{self.text}; {remark}")


class Wanted(Struct, Generic[R_co], frozen=True):
    """An object that a node should have, and why."""

    resource: R_co
    reason: Reason


class Action(StrEnum):
    """What a change does to its object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    MOVE = "move"


class Insertion(StrEnum):
    """Where the kernel inserts an object among others of its key."""

    FIRST = "first"
    LAST = "last"


class Change(Struct, Generic[R_co], frozen=True):
    """One difference between two states of a node; `before` or `after` is None where the object is not there.

    With a `place` the object comes beside others of its key, and one before goes before it comes.
    """

    before: R_co | None
    after: R_co | None
    reason: Reason
    place: Insertion | None = None

    @property
    def resource(self) -> R_co:
        """The object that the change leaves, or the one that it takes away."""
        resource = self.after if self.after is not None else self.before
        if resource is None:
            raise ValueError("a change has a before, an after, or both")
        return resource

    @property
    def action(self) -> Action:
        """What the change does."""
        if self.before is None:
            return Action.CREATE
        if self.after is None:
            return Action.DELETE
        return Action.MOVE if self.before.kind == "rule" else Action.UPDATE


class ObjectRefusedError(KernelError):
    """The kernel refused one change, `change`; `others` are the errors of those that it refused with it."""

    def __init__(self, message: str, change: Change[Resource], others: Iterable[ObjectRefusedError] = ()) -> None:
        super().__init__(message)
        self.change = change
        self.others = tuple(others)

    def __reduce__(self) -> tuple[type[ObjectRefusedError], tuple[str, Change[Resource]]]:
        """Return how the error is made again in another process."""
        return type(self), (str(self), self.change)


def kernel_refusal(change: Change[Resource], why: str) -> ObjectRefusedError:
    """Return the error of a change that the kernel refused: the object, why, and the line of the spec it comes from."""
    at = f" ({change.reason.text}, {change.reason.at})" if change.reason.at else f" ({change.reason.text})"
    return ObjectRefusedError(f"{change.resource.kind} {change.resource}{at}: {why}", change)
