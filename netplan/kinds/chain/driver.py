"""Chains in the kernel, through iptables."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from netplan.errors import KernelError
from netplan.kinds.chain.edit import ConflictError
from netplan.kinds.chain.iptables import Iptables, reachable
from netplan.kinds.chain.payload import payload
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule
from netplan.resource import Change, Resource

REACHED: Final = 64


def observe(
    iptables: Iptables, chains: Iterable[ChainKey], walks: Iterable[ChainKey], searched: Iterable[str] = ()
) -> Iterator[Chain]:
    """Read the named chains that exist, and with each of `walks` the chains that a packet can reach from it.

    Of those not more than `REACHED` a table are read, the nearest first, as kube-proxy has several for each service; a
    chain that was not read may do anything. In the tables `searched` every chain of ours is found.
    """
    walked = set(walks)
    owned = (key for table in searched for key in iptables.owned(table))
    waiting = deque(sorted({*chains, *walked, *owned}))
    seen = set(waiting)
    reached: Counter[str] = Counter()
    while waiting:
        key = waiting.popleft()
        chain = iptables.read(key)
        if chain is None:
            continue
        yield chain
        below = dict.fromkeys(each for each in reachable(chain.rules, key) if each not in seen)
        near = [*below][: REACHED - reached[key.table]] if key in walked else []
        reached[key.table] += len(near)
        walked.update(near)
        waiting += near
        seen.update(near)


def write(iptables: Iptables, table: str, changes: Sequence[Change[Resource]]) -> None:
    """Make one table's changes in one transaction; KernelError if a rule is not where the changes expect it."""
    placed = {change.resource.chain for change in changes if isinstance(change.resource, PlacedRule)}
    try:
        iptables.restore(payload(table, changes, _read(iptables, placed)))
    except ConflictError as error:
        raise KernelError(f"table {table} was changed by another program meanwhile: {error}") from error


def _read(iptables: Iptables, keys: Iterable[ChainKey]) -> dict[ChainKey, Chain]:
    chains = (iptables.read(key) for key in keys)
    return {chain.key: chain for chain in chains if chain is not None}
