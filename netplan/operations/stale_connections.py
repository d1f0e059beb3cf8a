"""Connections that are older than the rules: how many there are, and their end if that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.desired.chains import MASQUERADE_CHAIN
from netplan.errors import KernelError, ObserveError
from netplan.kinds.chain.value import Chain
from netplan.kinds.snapshot import Snapshot
from netplan.net import counted
from netplan.operations.machine import Connections
from netplan.planning.stale_connections import outdated


def tell_stale(now: Snapshot, connections: Connections, *, flush: bool) -> Iterator[str]:
    """Count the connections that our chains would not rewrite now, or end them; return what is to be said of that.

    There is a chain for each IP version of the pods. What can't be read or ended is said too, and no error.
    """
    chains = [now.chains[key] for key in MASQUERADE_CHAIN.values() if key in now.chains]
    try:
        yield from _told(chains, connections, flush=flush)
    except (ObserveError, KernelError) as error:
        yield f"Connections that are older than the rules may keep another source address: {error}"


def _told(chains: list[Chain], connections: Connections, *, flush: bool) -> Iterator[str]:
    stale = [stray for chain in chains for stray in connections.read(outdated(chain), chain.key.version)]
    if flush:
        yield f"Ended {_counted(connections.end(stale))} that kept another source address from before the rules."
    elif stale:
        yield (
            f"{_counted(len(stale))} of before the rules keep{'s' if len(stale) == 1 else ''} another source address "
            "until the end; --flush-conntrack ends them now."
        )


def _counted(count: int) -> str:
    return f"{counted(count, 'connection')} of pods"
