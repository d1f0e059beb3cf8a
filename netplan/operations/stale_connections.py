"""Connections that are older than the rules: how many there are; ended if the user wants that."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.desired.chains import MASQUERADE_CHAIN
from netplan.errors import KernelError, ObserveError
from netplan.kinds.chain.value import Chain
from netplan.kinds.snapshot import Snapshot
from netplan.net import counted
from netplan.operations.machine import Connections
from netplan.planning.stale_connections import stale_by


def stale_connections(now: Snapshot, connections: Connections, *, flush: bool) -> Iterator[str]:
    """Count the connections that our chains would not rewrite now, or end them; return that in sentences.

    There is a chain for each IP version of the pods. What can't be read or ended becomes a sentence too, not an error.
    """
    chains = [now.chains[key] for key in MASQUERADE_CHAIN.values() if key in now.chains]
    try:
        yield from _texts(chains, connections, flush=flush)
    except (ObserveError, KernelError) as error:
        yield f"Connections that are older than the rules may keep another source address: {error}"


def _texts(chains: list[Chain], connections: Connections, *, flush: bool) -> Iterator[str]:
    stale = [stray for chain in chains for stray in connections.read(stale_by(chain), chain.key.version)]
    if flush:
        yield f"Ended {_counted(connections.end(stale))} that kept another source address from before the rules."
    elif stale:
        yield (
            f"{_counted(len(stale))} from before the rules keep{'s' if len(stale) == 1 else ''} another source address "
            "until they end; --flush-conntrack ends them now."
        )


def _counted(count: int) -> str:
    return f"{counted(count, 'connection')} of pods"
