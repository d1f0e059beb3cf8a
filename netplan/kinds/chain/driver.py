"""Chains in the kernel, through iptables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netplan.errors import KernelError
from netplan.kinds.chain.edit import ConflictError
from netplan.kinds.chain.iptables import Iptables
from netplan.kinds.chain.payload import payload
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule, table_label
from netplan.resource import Change, Resource


def write(iptables: Iptables, table: str, changes: Sequence[Change[Resource]]) -> None:
    """Make one table's changes in one transaction; KernelError if a rule is not where the changes expect it."""
    placed = {change.resource.chain for change in changes if isinstance(change.resource, PlacedRule)}
    try:
        iptables.restore(payload(table, changes, _read(iptables, placed)))
    except ConflictError as error:
        label = table_label(iptables.version, table)
        raise KernelError(f"table {label} was changed by another program meanwhile: {error}") from error


def _read(iptables: Iptables, keys: Iterable[ChainKey]) -> dict[ChainKey, Chain]:
    chains = (iptables.read(key) for key in keys)
    return {chain.key: chain for chain in chains if chain is not None}
