"""The legacy backend's rules on a node whose iptables uses nft: read without creating a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from netplan.errors import ObserveError
from netplan.kinds.chain import legacy_tables
from netplan.kinds.chain.reach import Reach, reached
from netplan.kinds.chain.saved import SavedTable, SavedTables, saved_tables
from netplan.kinds.chain.value import OWNED_PREFIX, Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.net import BITS, printable
from netplan.system import helpers, programs

_KNOWN: Final = frozenset({"raw", "mangle", "nat", "filter", "security"})
time_limit = 30.0
"""How many seconds a reader may take."""


class _NoReaderError(ObserveError):
    """There is no program or library here that reads legacy tables."""


def observe(limit: int) -> Iterator[OtherChain]:
    """Read the chains that hold rules, a policy that drops, or our name, of the legacy tables that exist.

    Of a table of more than `limit` rules not more are read on the way of a packet. Where nothing can read those of
    IPv6, which pods may not have, a chain stands for each of them whose content is unknown.
    """
    for version in BITS:
        names = _listed(version)
        try:
            tables = _tables(names, version)
        except _NoReaderError:
            if version == 4:
                raise
            keys = (ChainKey(version, name, "FORWARD") for name in names)
            yield from (OtherChain(Owner.LEGACY, Chain(key, (), "ACCEPT"), "forward", length=1) for key in keys)
        else:
            yield from _observe({table.name: table for table in tables}, limit)


def _observe(tables: Mapping[str, SavedTable], limit: int) -> Iterator[OtherChain]:
    """Return the chains of the tables of one IP version."""
    shown = SavedTables(tables.get, limit)
    for table in tables.values():
        for name, policy in table.policies.items():
            if name.startswith(OWNED_PREFIX):
                yield OtherChain(Owner.LEGACY, table.chain(name), length=table.length(name))
            if policy is not None and (table.length(name) or policy != "ACCEPT"):
                yield from _entered(table, name, shown, limit)


def _entered(table: SavedTable, name: str, shown: SavedTables, limit: int) -> Iterator[OtherChain]:
    """Return a built-in chain with those that it leads to."""
    key = ChainKey(table.version, table.name, name)
    for chain in reached(shown, Reach(walks=frozenset({key}), limit=limit)):
        hook = name.lower() if chain.key == key else None
        yield OtherChain(Owner.LEGACY, chain, hook, table.name == "nat", chain.unread or len(chain.rules))


def _tables(names: list[str], version: int) -> list[SavedTable]:
    command = legacy_tables.saving(version) if names else None
    if command is not None:
        return [table for name in names for table in saved_tables(_run([*command, name], names), version)]
    python_iptables = helpers.command("legacy-tables", str(version), *names, python=("-I",))
    return saved_tables(_run(python_iptables, names), version) if names else []


def _listed(version: int) -> list[str]:
    """Return the legacy tables of an IP version that exist."""
    try:
        return [name for name in legacy_tables.names(version) if name in _KNOWN]
    except OSError as error:
        raise ObserveError(f"{error.filename} can't be read: {error.strerror}") from error


def _run(command: list[str], tables: list[str]) -> str:
    done = programs.run(command, limit=time_limit)
    if done.code == 0:
        return done.stdout
    there = f"there are legacy tables beside nft's ({', '.join(tables)})"
    if done.code == helpers.MISSING:
        raise _NoReaderError(
            f"{there}, and nothing here can read them: install iptables-legacy with apt-get install iptables, or "
            "python-iptables with pip install 'podnet[legacy-reader]'"
        )
    how = f"signal {-done.code}" if done.code < 0 else f"exit code {done.code}"
    complaint = printable(" ".join(done.stderr.split())[-300:])
    raise ObserveError(f"{there}, and reading them ended with {how}: {complaint}")
