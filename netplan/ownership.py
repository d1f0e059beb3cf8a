"""Whether a saved plan changes what is podnet's: the kernel's own objects are asked, and nothing that the file says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.route.value import Route
from netplan.net import IfName
from netplan.resource import Change, Resource
from netplan.snapshot import Snapshot

_ON_LINKS: Final = (LinkAddress, Neighbour, FdbEntry)


def foreign(changes: Iterable[Change[Resource]], now: Snapshot, *, adopts: bool) -> Iterator[Resource]:
    """Yield the objects of other programs that a plan changes and may not, as they are now; `adopts` is the plan's.

    What stands on a link is podnet's if the link is, or becomes so by the plan. Chains and rules are known by their
    own names and comments, and sysctls belong to no program.
    """
    changes = tuple(changes)
    links = {link.name: link for link in now.all(Link)}
    becoming = {
        change.after.name
        for change in changes
        if isinstance(change.after, Link) and change.after.ours and (adopts or change.after.name not in links)
    }
    for change in changes:
        resource = change.resource
        present = now.index.get((resource.kind, resource.key))
        if isinstance(resource, _ON_LINKS):
            if resource.link not in becoming and not _ours(links, resource.link):
                yield present or resource
        elif isinstance(present, Link) and not present.ours:
            if present.name not in becoming:
                yield present
        elif isinstance(present, Route) and not present.ours:
            taken = adopts and change.after is not None and change.after.ours
            if not taken and not (change.after is None and present.oif in becoming):
                yield present


def _ours(links: Mapping[IfName, Link], name: IfName) -> bool:
    return name in links and links[name].ours
