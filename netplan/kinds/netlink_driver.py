"""Writing objects through rtnetlink(7): many requests in a system call, and every refusal with the object's name."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from netplan.errors import KernelError
from netplan.kinds.resource import Change, ObjectRefusedError, R_co, Resource, kernel_refusal
from netplan.net import IfName
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.route import ADDRESS, LINK, NEIGHBOUR, ROUTE, Message
from netplan.system.netlink.wire import Refusal, Request

_DELETES: Final = frozenset(layout.delete for layout in (LINK, ADDRESS, NEIGHBOUR, ROUTE))
_GONE: Final = frozenset({errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT, errno.ENXIO, errno.ESRCH})
"""What a delete is refused with where nothing is left of it; ENXIO: of a device whose MTU is too small for IPv6."""

MEANING: Final = {
    errno.EOPNOTSUPP: "a device of this type holds no such thing",
    errno.EPERM: "it needs CAP_NET_ADMIN",
}
"""What the refusals of objects that stand on a device mean, where the kernel's own words say less."""


Device = TypeVar("Device")


class DeviceEntry(Resource, Protocol):
    """An object that stands on a device."""

    @property
    def link(self) -> IfName:
        """The name of the device."""


E = TypeVar("E", bound=DeviceEntry)


class ChangeRequest(NamedTuple, Generic[R_co]):
    """A change with the request that makes it; `others` are for an object that does not exist in the first's form."""

    change: Change[R_co]
    request: Request
    others: tuple[Request, ...] = ()


def write(channel: Channel, requests: Iterable[ChangeRequest[R_co]], meaning: Mapping[int, str] = MEANING) -> None:
    """Send the requests of changes in order; of an object that is gone already the delete counts as done.

    ObjectRefusedError names the first object that the kernel refused, and has the others; what stands behind it may
    have been written.
    """
    waiting = list(requests)
    while waiting:
        first = waiting[0].change.resource
        more = f" and {len(waiting) - 1} more" if waiting[1:] else ""
        refusals = send(channel, [attempt.request for attempt in waiting], f"{first.kind} {first}{more}")
        absent, errors = [], []
        for index in sorted(refusals):
            attempt, refusal = waiting[index], refusals[index]
            if attempt.request.kind in _DELETES and refusal.code in _GONE:
                absent.append(attempt)
            else:
                errors.append(kernel_refusal(attempt.change, meaning.get(refusal.code, str(refusal))))
        if errors:
            raise ObjectRefusedError(str(errors[0]), errors[0].change, errors[1:])
        waiting = [
            ChangeRequest(attempt.change, attempt.others[0], attempt.others[1:]) for attempt in absent if attempt.others
        ]


def send(channel: Channel, requests: Sequence[Request], what: str) -> dict[int, Refusal]:
    """Send requests in order, and return the refusals by the requests' indexes; KernelError if they are unknown."""
    try:
        return channel.write(requests)
    except OSError as error:
        raise KernelError(f"the kernel does not say what became of {what}: {error}") from error


def standing(device: IfName, indexes: Mapping[IfName, int], change: Change[R_co]) -> int | None:
    """Return the index of the device that an object stands on; None if both are deleted, or already missing.

    KernelError names an object that is to stand on a missing device.
    """
    if device in indexes:
        return indexes[device]
    if change.after is None:
        return None
    raise kernel_refusal(change, f"there is no interface {device}")


def read_entries(
    devices: Mapping[int, Device],
    read: Callable[[int], Iterable[Message]],
    decode: Callable[[Message, Mapping[int, Device]], E | None],
) -> Iterator[E]:
    """Read what stands on devices, one after the other by its index; `decode` returns None for what does not count."""
    for index, device in devices.items():
        entries = (decode(message, {index: device}) for message in read(index))
        yield from (entry for entry in entries if entry is not None)


def write_entries(
    channel: Channel,
    indexes: Mapping[IfName, int],
    changes: Iterable[Change[E]],
    create: Callable[[E, int], Request],
    delete: Callable[[E, int], Request],
) -> None:
    """Send for each change the request that creates or replaces an entry of a device, or the one that deletes it."""
    requests = []
    for change in changes:
        entry = change.resource
        index = standing(entry.link, indexes, change)
        if index is not None:
            requests.append(ChangeRequest(change, (delete if change.after is None else create)(entry, index)))
    write(channel, requests)
