"""The one table of kinds: what podnet knows of every kind of kernel object, a row a kind.

Rows stand in the order in which objects are created: the referenced before the referring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final

from msgspec import Struct

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, PlacedRule
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.ipset.value import IpSet
from netplan.kinds.link.value import Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.policy.value import PolicyRule
from netplan.kinds.resource import Action, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl, of_ipv6
from netplan.net import IfName

_LAST: Final = 100


class Interface(Enum):
    """The interface of the kernel by which a kind is read and written."""

    RTNETLINK = "rtnetlink"
    PROC_SYS = "/proc/sys"
    NETFILTER = "netfilter"


class Shown(Struct, frozen=True):
    """How changes of a kind are shown: their place among those of other kinds, and what the kind is called.

    `short` stands in a column of seven letters, `plural` in a sentence; without them the kind's name does.
    """

    place: int = _LAST
    short: str | None = None
    plural: str | None = None


class OnLinks(Struct, frozen=True):
    """How the objects of a kind stand on links: which links each needs, and the IP version that it goes with, if any.

    Those `owned` by their link are ours if it is. What is lost `when_down` goes as soon as the link is down.
    """

    links: Callable[[Any], tuple[IfName | None, ...]]
    version: Callable[[Any], int | None] = lambda _: None
    owned: bool = False
    when_down: bool = False


class Kind(Struct, frozen=True):
    """A kind of kernel object: its value, which reads and writes itself as JSON, and the module that is its driver.

    `records` is the list of a record that its objects are in, None for what is part of an object of another kind; a
    record has the list only if it is not empty, but for those that are `required`. Of changes that are written together
    those of the action `first` go before the others.
    """

    value: type[Resource]
    driver: str
    records: str | None
    interface: Interface = Interface.RTNETLINK
    required: bool = False
    shown: Shown = Shown()
    on_links: OnLinks | None = None
    first: Action | None = None

    @property
    def name(self) -> str:
        """The kind's name, which stands in plans."""
        return self.value.kind

    @property
    def short(self) -> str:
        """The name in at most seven letters, as ip(8) has it."""
        return self.shown.short or self.name

    @property
    def plural(self) -> str:
        """The name of several objects."""
        return self.shown.plural or f"{self.name}s"


def _link(resource: LinkAddress | Neighbour | FdbEntry) -> tuple[IfName | None, ...]:
    return (resource.link,)


def _devices(route: Route) -> tuple[IfName | None, ...]:
    return (route.oif, *(hop.oif for hop in route.hops))


def _setting(sysctl: Sysctl) -> tuple[IfName | None, ...]:
    return (sysctl.device,)


def _address_version(address: LinkAddress) -> int:
    return address.address.address.version


def _neighbour_version(neighbour: Neighbour) -> int:
    return neighbour.address.version


def _route_version(route: Route) -> int:
    return route.prefix.version


def _setting_version(sysctl: Sysctl) -> int:
    return 6 if of_ipv6(sysctl.name) else 4


_ROWS: Final = (
    Kind(
        Link,
        "netplan.kinds.link.driver",
        "links",
        required=True,
        shown=Shown(0),
        first=Action.DELETE,
    ),
    Kind(
        LinkAddress,
        "netplan.kinds.address.driver",
        "addresses",
        required=True,
        shown=Shown(1, plural="addresses"),
        on_links=OnLinks(_link, _address_version, owned=True),
        first=Action.CREATE,
    ),
    Kind(
        Sysctl,
        "netplan.kinds.sysctl.driver",
        "sysctls",
        Interface.PROC_SYS,
        required=True,
        shown=Shown(7),
        on_links=OnLinks(_setting, _setting_version),
    ),
    Kind(
        Chain,
        "netplan.kinds.chain.driver",
        "chains",
        Interface.NETFILTER,
        required=True,
        shown=Shown(5),
    ),
    Kind(PlacedRule, "netplan.kinds.chain.driver", None, Interface.NETFILTER, shown=Shown(6)),
    Kind(OtherChain, "netplan.kinds.foreign_chain.driver", "other_chains", Interface.NETFILTER),
    Kind(IpSet, "netplan.kinds.ipset.driver", "ipsets", Interface.NETFILTER),
    Kind(
        Neighbour,
        "netplan.kinds.neighbour.driver",
        "neighbours",
        shown=Shown(3, short="neigh"),
        on_links=OnLinks(_link, _neighbour_version, owned=True, when_down=True),
    ),
    Kind(
        FdbEntry,
        "netplan.kinds.fdb.driver",
        "fdb",
        shown=Shown(4, plural="fdb entries"),
        on_links=OnLinks(_link, owned=True),
    ),
    Kind(PolicyRule, "netplan.kinds.policy.driver", "policy_rules"),
    Kind(
        Route,
        "netplan.kinds.route.driver",
        "routes",
        required=True,
        shown=Shown(2),
        on_links=OnLinks(_devices, _route_version, when_down=True),
    ),
)


class _Table:
    """The rows, and where to find each."""

    def __init__(self, rows: tuple[Kind, ...]) -> None:
        self.fill(rows)

    def fill(self, rows: tuple[Kind, ...]) -> None:
        """Have these rows, and no others."""
        self.rows = rows
        self.by_name: Mapping[str, Kind] = {kind.name: kind for kind in rows}
        self.by_value: Mapping[type[Resource], Kind] = {kind.value: kind for kind in rows}
        self.places: Mapping[str, int] = {kind.name: place for place, kind in enumerate(rows)}
        self.values = tuple(kind.value for kind in rows if kind.records is not None)


_table: Final = _Table(_ROWS)


@contextmanager
def registered(kind: Kind) -> Iterator[None]:
    """Have one more kind during a block, whose objects are created after those of all others."""
    rows = _table.rows
    if kind.name in _table.by_name:
        raise ValueError(f"there is a kind {kind.name!r} already")
    _table.fill((*rows, kind))
    try:
        yield
    finally:
        _table.fill(rows)


def kinds() -> tuple[Kind, ...]:
    """Return every kind, in the order in which objects are created."""
    return _table.rows


def values() -> tuple[type[Resource], ...]:
    """Return the values of every kind that is observed by itself, in the order in which objects are created."""
    return _table.values


def named(name: str) -> Kind | None:
    """Return the kind of a name, None if there is none."""
    return _table.by_name.get(name)


def kind_of(resource: Resource) -> Kind:
    """Return the kind of an object."""
    return _table.by_value[type(resource)]


def place_of(name: str) -> int:
    """Return the place of the kind of a name in the order of creation."""
    return _table.places[name]


def stands_on(resource: Resource) -> tuple[IfName | None, ...]:
    """Return the links without which an object would not be there."""
    on_links = kind_of(resource).on_links
    return () if on_links is None else on_links.links(resource)


def version_of(resource: Resource) -> int | None:
    """Return the IP version that an object which stands on links is of, None if it is of none."""
    on_links = kind_of(resource).on_links
    return None if on_links is None else on_links.version(resource)


def owned_by_link(resource: Resource) -> bool:
    """Whether an object is ours if the link that it stands on is."""
    on_links = kind_of(resource).on_links
    return on_links is not None and on_links.owned
