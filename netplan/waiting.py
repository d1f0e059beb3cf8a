"""Parameters of devices that are not there yet, as a bridge that a CNI plugin makes: nothing else waits for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from netplan.compile import Desired
from netplan.kinds.link.value import Link
from netplan.kinds.sysctl.value import Sysctl
from netplan.snapshot import Snapshot

_OF_BRIDGES: Final = "net.bridge."


def waiting(desired: Desired, snapshot: Snapshot) -> tuple[Sysctl, ...]:
    """Return the parameters that are wanted of devices that a node does not have, and that podnet does not make.

    None where no device of the node is known, as where there is no record of it.
    """
    wanted = [want.resource for want in desired.objects if isinstance(want.resource, Sysctl | Link)]
    links = snapshot.all(Link)
    if all(link.ours for link in links):
        return ()
    made = [resource for resource in wanted if isinstance(resource, Link)]
    return of_missing((resource for resource in wanted if isinstance(resource, Sysctl)), [*links, *made])


def of_missing(sysctls: Iterable[Sysctl], links: Iterable[Link]) -> tuple[Sysctl, ...]:
    """Return the parameters that are those of a device which is none of these links."""
    known = {None, *(link.name for link in links)}
    return tuple(sysctl for sysctl in sysctls if sysctl.device not in known)


def warnings(sysctls: Iterable[Sysctl]) -> Iterator[str]:
    """Say which parameters wait and what for, or that the kernel has none of this name."""
    for sysctl in sysctls:
        if sysctl.device is None:
            yield absent(sysctl)
        else:
            yield f"{sysctl} waits for the interface {sysctl.device}: once that is there, apply or drift --fix sets it"


def absent(sysctl: Sysctl) -> str:
    """Say that the kernel does not have a parameter, and what to type where a module brings it."""
    module = "; load its module first: modprobe br_netfilter" if sysctl.name.startswith(_OF_BRIDGES) else ""
    return f"the kernel of this node has no {sysctl.name}{module}"
