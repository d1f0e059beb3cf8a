"""Parameters that the kernel does not have, that wait for a device, or that stay as they are."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.kinds.link.value import Link
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning import sysctls
from netplan.planning.advice.case import Case
from netplan.planning.obstacles import Obstacle


def refuse_unknown(case: Case) -> Iterator[Obstacle]:
    """Name the parameters that the kernel does not have, and that do not come with a link of ours."""
    if not case.live:
        return
    created = {link.name for link in case.desired.all(Link)}
    for change in case.changes:
        if isinstance(change.after, Sysctl) and change.before is None and change.after.device not in created:
            yield Obstacle.before(sysctls.no_such_sysctl(change.after), [change.after])


def warn_of_leaving(case: Case) -> Iterator[str]:
    """Say, where podnet is removed, which parameters stay as they are."""
    return sysctls.warnings(case.desired, case.snapshot)


def warn_of_waiting(case: Case) -> Iterator[str]:
    """Say which parameters wait for a device."""
    return sysctls.waiting_warnings(case.waiting)
