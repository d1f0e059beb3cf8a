"""Whether a node's end of the tunnel becomes one that the other nodes do not know yet."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link, derived_lladdr
from netplan.planning.advice.case import Case


def warn_of_tunnel(case: Case) -> Iterator[str]:
    """Say that other nodes still send to the old end of the tunnel, and why they don't reach the new one."""
    desired, changes = case.desired, case.changes
    links = [change for change in changes if isinstance(change.resource, Link)]
    known = [change.before for change in links if isinstance(change.before, Link) and change.before.vxlan]
    created = [change.after for change in links if isinstance(change.after, Link) and change.after.vxlan]
    for link in created if known else ():
        unlike = [_unlike(before, link) for before in known]
        if all(unlike) and any(isinstance(want.resource, FdbEntry) for want in desired.objects):
            yield (
                f"pods on other nodes are unreachable through {link.name} until podnet is applied there too: "
                f"it gets another {unlike[0]}"
            )


def _unlike(before: Link, link: Link) -> str:
    """Return what changes of a tunnel that a sender must know, in one or more words; empty if nothing does.

    Other nodes know the link-layer address that follows from our end's address, whatever it has become on this node.
    """
    if before.vxlan is None or link.vxlan is None:
        return ""
    local = before.vxlan.local
    lladdr = derived_lladdr(local) if before.ours and local is not None else before.lladdr
    changed = {
        "VNI": before.vxlan.vni != link.vxlan.vni,
        "port": before.vxlan.port != link.vxlan.port,
        "link-layer address": lladdr != link.lladdr,
    }
    return ", ".join(name for name, differs in changed.items() if differs)
