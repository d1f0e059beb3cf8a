"""Tables of nftables that no program uses any more are taken away from this machine's kernel."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from netplan.kinds.chain.unused import built_in, is_unused
from netplan.kinds.connection.driver import translated
from netplan.netfilter.nftables import table as nft
from netplan.netfilter.nftables.expression import generation

_TRIES: Final = 5
"""How often a table is looked at while nftables changes."""


class Stays(Struct, frozen=True):
    """Why a table is left: for so many translated connections, which the kernel ends with a nat table, or for a use."""

    connections: int = 0


def take_away(version: int, name: str) -> Stays | None:
    """Delete a table of an IP version if it is unused, as seen in the same generation; None if it is gone.

    ObserveError, KernelError; one that stays unseen while nftables changes all the time is taken for one in use.
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
