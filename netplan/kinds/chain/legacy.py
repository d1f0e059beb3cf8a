"""The legacy backend's rules on a node whose iptables uses nft: read without creating a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from netplan import programs
from netplan.errors import ObserveError
from netplan.kinds.chain import iptc_dump
from netplan.kinds.chain.other import OtherChain, Owner
from netplan.kinds.chain.reached import Reach, reached
from netplan.kinds.chain.saved import SavedTable, SavedTables, saved_tables
from netplan.kinds.chain.value import OWNED_PREFIX, Chain, ChainKey
from netplan.net import printable

_NAMES: Final = Path("/proc/self/net/ip_tables_names")
_IPV6_NAMES: Final = Path("/proc/self/net/ip6_tables_names")
_KNOWN: Final = frozenset({"raw", "mangle", "nat", "filter", "security"})
time_limit = 30.0
"""How many seconds a reader may take."""


def observe(limit: int) -> Iterator[OtherChain]:
    """Read the chains that hold rules, a policy that drops, or our name, of the legacy tables that exist.

    Of a table of more than `limit` rules not more are read on the way of a packet.
    """
    tables = {table.name: table for table in _tables()}
    shown = SavedTables(tables.get, limit)
    for table in tables.values():
        for name, policy in table.policies.items():
            if name.startswith(OWNED_PREFIX):
                yield OtherChain(Owner.LEGACY, table.chain(name), length=table.length(name))
            if policy is not None and (table.length(name) or policy != "ACCEPT"):
                yield from _entered(table, name, shown, limit)


def observe_ipv6() -> Iterator[OtherChain]:
    """Name the built-in chains of IPv6's legacy tables that hold rules or drop, and the chains that bear our name.

    What their rules do is not read; of a table that nothing here can list nobody knows whether it holds any.
    """
    names = _listed(_IPV6_NAMES)
    program = programs.find("ip6tables-legacy-save") if names else None
    for name in names:
        if program is None:
            yield OtherChain(Owner.LEGACY, Chain(ChainKey(6, name, "FORWARD"), (), "ACCEPT"), "forward", length=1)
            continue
        for table in saved_tables(_run([program, "-t", name], names), 6):
            for chain, policy in table.policies.items():
                key = ChainKey(6, table.name, chain)
                if key.owned:
                    yield OtherChain(Owner.LEGACY, Chain(key), length=table.length(chain))
                elif policy is not None and (table.length(chain) or policy != "ACCEPT"):
                    length = max(1, table.length(chain))
                    yield OtherChain(Owner.LEGACY, Chain(key, (), policy), chain.lower(), name == "nat", length)


def _entered(table: SavedTable, name: str, shown: SavedTables, limit: int) -> Iterator[OtherChain]:
    """Give a built-in chain with those that it leads to; where no pod traffic passes, only its length."""
    nat = table.name == "nat"
    empty = Chain(ChainKey(4, table.name, name), (), table.policies[name])
    entered = OtherChain(Owner.LEGACY, empty, name.lower(), nat, table.length(name))
    if not entered.on_the_way:
        yield entered
        return
    for chain in reached(shown, Reach(walks=frozenset({empty.key}), limit=limit)):
        hook = entered.hook if chain.key == empty.key else None
        yield OtherChain(Owner.LEGACY, chain, hook, nat, chain.unread or len(chain.rules))


def _tables() -> Iterator[SavedTable]:
    names = _listed(_NAMES)
    if not names:
        return
    program = programs.find("iptables-legacy-save")
    if program is None:
        yield from saved_tables(_by_python_iptables(names))
        return
    for name in names:
        yield from saved_tables(_run([program, "-t", name], names))


def _listed(names: Path) -> list[str]:
    """Give the legacy tables that exist."""
    try:
        listed = names.read_text().split()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ObserveError(f"{names} can't be read: {error.strerror}") from error
    return [name for name in listed if name in _KNOWN]


def _by_python_iptables(tables: list[str]) -> str:
    return _run([sys.executable, "-I", iptc_dump.__file__, *tables], tables)


def _run(command: list[str], tables: list[str]) -> str:
    done = programs.run(command, limit=time_limit)
    if done.code == 0:
        return done.stdout
    there = f"there are legacy tables beside nft's ({', '.join(tables)})"
    if done.code == iptc_dump.MISSING:
        raise ObserveError(
            f"{there}, and nothing here can read them: install iptables-legacy with apt-get install iptables, or "
            "python-iptables with pip install 'podnet[legacy-reader]'"
        )
    how = f"signal {-done.code}" if done.code < 0 else f"exit code {done.code}"
    said = printable(" ".join(done.stderr.split())[-300:])
    raise ObserveError(f"{there}, and reading them ended with {how}: {said}")
