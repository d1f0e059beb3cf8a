"""The machine that a verb writes to: its kernel, what podnet remembers of it, and where progress is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from netplan.desired.model import Desired
from netplan.kernel import Kernel
from netplan.kernel.tables import TakeAway
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.connection.value import Connection
from netplan.kinds.link.value import Link
from netplan.kinds.snapshot import Interest
from netplan.operations.confirm import arm
from netplan.operations.live_plan import LivePlan, plan_live
from netplan.operations.report import Report
from netplan.planning.underlay import resolved
from netplan.spec.topology import AUTO, Node
from netplan.store.journal import JournalEntry
from netplan.store.store import Store


class Connections(NamedTuple):
    """The connections that the kernel tracks: how those of an IP version that a test accepts are read and ended."""

    read: Callable[[Callable[[Connection], bool], int], Sequence[Connection]]
    end: Callable[[Iterable[Connection]], int]


class Machine(Struct, frozen=True):
    """What a use case that writes works on.

    `open_kernel` returns the kernel with the packet filter of a backend, None for that of its iptables, and `take_away`
    deletes a table of nftables from it that is unused. `session` is the SSH_CONNECTION of the session that this runs
    in, None outside of any. `arm` returns what starts the guard of an apply that must be confirmed, given the
    descriptor of the lock.
    """

    open_kernel: Callable[[FirewallBackend | None], Kernel]
    store: Store
    report: Report
    connections: Connections
    take_away: TakeAway
    session: str | None = None
    arm: Callable[[Store, int], Callable[[JournalEntry], None]] = arm

    def plan(self, desired: Desired) -> LivePlan:
        """Return a plan for the kernel as it is now; see `plan_live`."""
        return plan_live(desired, self.open_kernel, self.store.folder, self.report)

    def resolved(self, node: Node) -> Node:
        """Return the node with what its spec leaves to this machine's devices, its interface or its MTU."""
        if node.interface != AUTO and not node.mtu_assumed:
            return node
        now = self.open_kernel(None).observe(Interest())
        return resolved(node, now.all(Link), now.all(LinkAddress))
