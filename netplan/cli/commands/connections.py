"""Connections that are older than the rules: how many there are, and their end if that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from netplan.cli.output import say
from netplan.errors import KernelError, ObserveError
from netplan.kinds.chain.value import Chain
from netplan.net import counted
from netplan.planning.stale_connections import outdated


def tell_outdated(chains: Sequence[Chain], *, flush: bool) -> None:
    """Count the connections that our chains would not rewrite now, or end them; what can't be done is said.

    There is a chain for each IP version of the pods.
    """
    from netplan.kernel.linux import connections, forget

    try:
        found = [each for chain in chains for each in connections(outdated(chain), chain.key.version)]
        ended = forget(found) if flush else 0
    except (ObserveError, KernelError) as error:
        say(f"Connections that are older than the rules may keep another source address: {error}")
        return
    if flush:
        say(f"Ended {_counted(ended)} that kept another source address from before the rules.")
    elif found:
        say(
            f"{_counted(len(found))} of before the rules keep{'s' if len(found) == 1 else ''} another source address "
            "until the end; --flush-conntrack ends them now."
        )


def _counted(count: int) -> str:
    return f"{counted(count, 'connection')} of pods"
