"""The text that makes a table's changes in one transaction: input for `iptables-restore --noflush`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netplan.kinds.chain.edit import by_chain, commands
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.resource import Change, Resource


def payload(table: str, changes: Iterable[Change[Resource]], now: Mapping[ChainKey, Chain]) -> str:
    """Return the lines for one table; `now` holds the chains that are not ours as they are.

    A chain's header line creates or empties it; ConflictError if a rule that goes does not stand where it should.
    """
    changes = tuple(changes)
    lines = [f"*{table}", *_filled(changes), *_placed(changes, now), *_deleted(changes), "COMMIT", ""]
    return "\n".join(lines)


def _filled(changes: Iterable[Change[Resource]]) -> Iterator[str]:
    chains = [change.after for change in changes if isinstance(change.after, Chain)]
    for chain in chains:
        yield f":{chain.key.name} - [0:0]"
    for chain in chains:
        for rule in chain.rules:
            yield f"-A {chain.key.name} {rule}"


def _placed(changes: Iterable[Change[Resource]], now: Mapping[ChainKey, Chain]) -> Iterator[str]:
    for key, edits in by_chain(changes).items():
        yield from commands(now.get(key, Chain(key)), edits)


def _deleted(changes: Iterable[Change[Resource]]) -> Iterator[str]:
    names = [change.before.key.name for change in changes if change.after is None and isinstance(change.before, Chain)]
    yield from (f"-F {name}" for name in names)
    yield from (f"-X {name}" for name in names)
