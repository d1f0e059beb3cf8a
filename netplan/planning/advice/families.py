"""IPv6 where the kernel has none."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.kinds.sysctl.value import Sysctl, of_ipv6
from netplan.planning.advice.case import Case


def refuse_without_ipv6(case: Case) -> Iterator[str]:
    """Name what needs IPv6 where the kernel has none; what the spec does not name itself the diff leaves out."""
    if case.snapshot.ipv6:
        return
    needing = [str(traffic.network) for traffic in case.desired.traffic if traffic.version == 6]
    needing += [
        str(change.after) for change in case.changes if isinstance(change.after, Sysctl) and of_ipv6(change.after.name)
    ]
    for needs in needing:
        yield f"{needs} needs IPv6, and the kernel of this node has none: start it without ipv6.disable=1"
