"""The state of a node as a record of it: all that a plan made elsewhere depends on."""

from __future__ import annotations

from collections.abc import Callable, Set
from pathlib import Path

from netplan.errors import ObserveError, RefusedError
from netplan.kernel import Kernel
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, FirewallBackend
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.ipset.value import IpSet
from netplan.kinds.resource import Resource
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl.usual import usual
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.live_plan import whole_state
from netplan.operations.remembered import overwritten_sysctls
from netplan.operations.report import Report
from netplan.store.records import Record


def capture(opener: Callable[[FirewallBackend | None], Kernel], folder: Path, report: Report) -> Record:
    """Return the state of a node, with what podnet remembers of it in a folder.

    A note says where the rules can't be read as the iptables of the other backend shows them. RefusedError (3) if the
    process may not administer the network; ObserveError (3) if the kernel can't be read.
    """
    with report.during("reading the kernel"):
        kernel = opener(None)
        overwritten = overwritten_sysctls(folder, report)
        state = _recorded(kernel, {sysctl.name for sysctl in overwritten})
        return Record(state, overwritten, _of_the_other_backend(state, opener, report))


def cluster_of(path: Path) -> str | None:
    """Return the cluster of a record by its file's folder; None where `plan` does not look, or it may be a copy."""
    folder = path.absolute().parent
    return folder.name if folder.parent.name == "state" else None


def _recorded(kernel: Kernel, written: Set[str]) -> Snapshot:
    """Return everything observed, with the parameters that specs usually set or that podnet has written."""
    whole = whole_state(kernel)
    devices = {address.link for address in whole.all(LinkAddress)}
    settings = kernel.observe(Interest(sysctls=usual(devices) | written)).all(Sysctl)
    known = {sysctl.name: sysctl for sysctl in (*whole.all(Sysctl), *settings)}
    return whole.replace(Sysctl, [known[name] for name in sorted(known)])


def _of_the_other_backend(
    state: Snapshot, opener: Callable[[FirewallBackend | None], Kernel], report: Report
) -> Snapshot | None:
    """Return the rules as the iptables of the other backend shows them; None if it is missing or can't read them."""
    (backend,) = set(FirewallBackend) - {state.backend}
    try:
        seen = whole_state(opener(backend))
    except ObserveError as error:
        report.note(f"The rules as iptables-{backend} shows them are not recorded: {error}")
        return None
    except RefusedError:  # that program is not installed
        return None
    kinds: tuple[type[Resource], ...] = (Chain, OtherChain, IpSet)
    rules = {kind: seen.all(kind) for kind in kinds}
    return Snapshot(backend, {**state.objects, **rules})
