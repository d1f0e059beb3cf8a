"""Chains in the kernel, through iptables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from netplan.errors import ContendedError, KernelError
from netplan.kinds.chain.edit import ConflictError, by_chain, edited
from netplan.kinds.chain.payload import payload
from netplan.kinds.chain.place import rebased
from netplan.kinds.chain.programs import Iptables
from netplan.kinds.chain.value import Chain, ChainKey, table_label
from netplan.kinds.resource import Change, Resource

_TRIES: Final = 10
"""How often rules are put where they belong while another program shifts their chain."""


def write(iptables: Iptables, table: str, changes: Sequence[Change[Resource]], before: Sequence[Chain] = ()) -> None:
    """Make one table's changes in one transaction.

    The positions of rules are those in the chains `before`; where another program has changed these, they are counted
    anew. If one does so at the very moment of writing, a rule that came to stand elsewhere is moved, as often as that
    may help. ContendedError if one takes away what is being written, KernelError if a rule is refused.
    """
    placed = by_chain(changes)
    now = _read(iptables, placed)
    wanted = rebased(changes, before, now)
    known = [change for chain in before if not chain.unread for change in placed.get(chain.key, ())]
    for _ in range(_TRIES):
        if not wanted:
            break
        _restore(iptables, table, wanted, now)
        now = _read(iptables, placed)
        wanted = rebased(known, before, now)


def _restore(
    iptables: Iptables, table: str, changes: Sequence[Change[Resource]], now: Mapping[ChainKey, Chain]
) -> None:
    try:
        iptables.restore(payload(table, changes, now))
    except (ConflictError, KernelError) as error:
        if isinstance(error, ConflictError) or _contended(changes, now, _read(iptables, now)):
            label = table_label(iptables.version, table)
            raise ContendedError(f"table {label} was changed by another program meanwhile: {error}") from error
        raise


def _contended(
    changes: Sequence[Change[Resource]], before: Mapping[ChainKey, Chain], after: Mapping[ChainKey, Chain]
) -> bool:
    """Whether chains are neither as they were nor as the changes would have left them."""
    written = {key: edited(before[key], edits) for key, edits in by_chain(changes).items() if key in before}
    return after not in (before, {**before, **written})


def _read(iptables: Iptables, keys: Iterable[ChainKey]) -> dict[ChainKey, Chain]:
    chains = (iptables.read(key) for key in keys)
    return {chain.key: chain for chain in chains if chain is not None}
