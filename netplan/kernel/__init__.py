"""One kernel: what can be observed of it and written to it, joined from the drivers of the kinds.

It may import kinds, netfilter, system, and the modules beside it.
"""

from __future__ import annotations

from typing import Protocol

from netplan.kinds.batches import Batch
from netplan.kinds.snapshot import Interest, Snapshot


class Kernel(Protocol):
    """What can be observed and written."""

    def observe(self, interest: Interest) -> Snapshot:
        """Read the state; ObserveError if it can't be read whole."""

    def write(self, batch: Batch) -> None:
        """Make the changes of one batch; KernelError names the object that was refused."""

    def sweep(self) -> None:
        """Delete what a write that was cut short has made besides its objects, and nothing uses; KernelError."""
