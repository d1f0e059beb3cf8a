"""Whether a node's end of the tunnel becomes one that the other nodes do not know yet."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link, Vxlan, derived_lladdr
from netplan.kinds.resource import Resource
from netplan.planning.advice.case import Case


def warn_of_tunnel(case: Case) -> Iterator[str]:
    """Say that other nodes still send to the old end of the tunnel, and why they don't reach the new one."""
    desired, changes = case.desired, case.changes
    links = [change for change in changes if isinstance(change.resource, Link)]
    known = [tunnel for change in links for tunnel in _tunnel(change.before)]
    created = [tunnel for change in links for tunnel in _tunnel(change.after)]
    for link, vxlan in created if known else ():
        unlike = [_unlike(*before, link, vxlan) for before in known]
        if all(unlike) and any(desired.all(FdbEntry)):
            yield (
                f"pods on other nodes are unreachable through {link.name} until podnet is applied there too: "
                f"it gets another {unlike[0]}"
            )


def _tunnel(side: Resource | None) -> Iterator[tuple[Link, Vxlan]]:
    """Return a side of a change if it is a tunnel, with what it is made with."""
    if isinstance(side, Link) and side.vxlan is not None:
        yield side, side.vxlan


def _unlike(before: Link, old: Vxlan, after: Link, new: Vxlan) -> str:
    """Return what changes of a tunnel that a sender must know, in one or more words; empty if nothing does.

    Other nodes know the link-layer address that follows from our end's address, whatever it has become on this node.
    """
    lladdr = derived_lladdr(old.local) if before.ours and old.local is not None else before.lladdr
    changed = {
        "VNI": old.vni != new.vni,
        "port": old.port != new.port,
        "link-layer address": lladdr != after.lladdr,
    }
    return ", ".join(name for name, differs in changed.items() if differs)
