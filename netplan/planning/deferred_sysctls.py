"""Parameters of devices that do not exist yet, such as the bridge of a CNI plugin: nothing else waits for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from netplan.desired.model import Desired
from netplan.kinds.link.value import Link
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl

_OF_BRIDGES: Final = "net.bridge."


def waiting(desired: Desired, snapshot: Snapshot) -> tuple[Sysctl, ...]:
    """Return the desired parameters of devices that a node does not have, and that podnet does not create.

    None where no device of the node is known, as where there is no record of it.
    """
    links = snapshot.all(Link)
    if all(link.ours for link in links):
        return ()
    devices = {None, *(link.name for link in (*links, *desired.all(Link)))}
    return tuple(sysctl for sysctl in desired.all(Sysctl) if sysctl.device not in devices)


def warnings(sysctls: Iterable[Sysctl]) -> Iterator[str]:
    """Return which parameters wait for which device, or that the kernel has none of this name."""
    for sysctl in sysctls:
        if sysctl.device is None:
            yield no_such_sysctl(sysctl)
        else:
            yield f"{sysctl} waits for the interface {sysctl.device}: once that is there, apply or drift --fix sets it"


def no_such_sysctl(sysctl: Sysctl) -> str:
    """Return that the kernel does not have a parameter, and what to type where a module brings it."""
    module = "; load its module first: modprobe br_netfilter" if sysctl.name.startswith(_OF_BRIDGES) else ""
    return f"the kernel of this node has no {sysctl.name}{module}"
