"""Deletes tables of nftables that no program uses any more from this machine's kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct

from netplan.kinds.chain.unused import built_in, is_unused
from netplan.kinds.connection.driver import translated
from netplan.netfilter.nftables import table as nft
from netplan.netfilter.nftables.expression import generation

_TRIES: Final = 5
"""How often a table is read while nftables changes."""


class Stays(Struct, frozen=True):
    """Why a table is kept: so many translated connections, which the kernel ends with a nat table, or a user."""

    connections: int = 0


TakeAway: TypeAlias = Callable[[int, str], Stays | None]
"""Deletes a table of an IP version if it is unused, as `take_away` does on this machine's kernel."""


def take_away(version: int, name: str) -> Stays | None:
    """Delete a table of an IP version if it is unused in the same generation of nftables; None if it no longer exists.

    ObserveError, KernelError; one that can't be read while nftables changes all the time counts as used.
    """
    for _ in range(_TRIES):
        seen, table = generation(), nft.read(version, name)
        if table is None:
            return None
        if not is_unused(table, built_in(version, name)):
            break
        connections = translated(version) if name == "nat" else 0
        if connections:
            return Stays(connections)
        if nft.delete(version, name, seen):
            return None
    return Stays()
