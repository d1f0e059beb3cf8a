"""The drivers of kinds, each loaded by its name in the table of kinds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from netplan.kinds.link.access import Driver
from netplan.kinds.registry import Interface, Kind, kinds, stands_on
from netplan.kinds.resource import Change, Resource
from netplan.net import IfName


class FileDriver(Protocol):
    """A module that reads and writes the objects of a kind whose objects are files below /proc/sys."""

    def observe(self, names: Collection[str]) -> Iterable[Resource]:
        """Read the named objects that exist, and no others of the kind."""

    def write(self, changes: Sequence[Change[Any]]) -> None:
        """Make changes in order; KernelError names an object that was refused."""


def driver_of(kind: Kind) -> Driver:
    """Return the driver of a kind that rtnetlink(7) knows."""
    return cast("Driver", import_module(kind.driver))


def file_driver_of(kind: Kind) -> FileDriver:
    """Return the driver of a kind below /proc/sys."""
    return cast("FileDriver", import_module(kind.driver))


def observe_files(names: Collection[str], links: frozenset[IfName]) -> Iterator[Resource]:
    """Read the named objects below /proc/sys that exist, of every kind, but for those of links that do not."""
    for kind in kinds():
        if kind.interface is Interface.PROC_SYS:
            for resource in file_driver_of(kind).observe(names):
                if links.issuperset(link for link in stands_on(resource) if link is not None):
                    yield resource
