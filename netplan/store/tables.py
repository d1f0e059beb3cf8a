"""Which tables of nftables podnet has created in this boot: they are deleted when no program uses them."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from netplan.documents import why
from netplan.errors import StoreError
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.netfilter.nftables.family import FAMILIES
from netplan.netfilter.nftables.table import table_name
from netplan.store import files
from netplan.store.files import UNREADABLE
from netplan.store.provenance import boot_id

FORMAT_VERSION: Final = "1.0"

_NAME: Final = "tables.json"
_TABLES: Final = {table_name(version, table): (version, table) for version in FAMILIES for table in BUILT_IN_BY_TABLE}


class TablesFile:
    """The file in podnet's folder; what it says of another boot does not count, since a boot deletes every table."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME

    def read(self) -> tuple[tuple[int, str], ...]:
        """Return the tables created in this boot, by IP version and name; StoreError (3) if the file can't be read."""
        return tuple(_TABLES[name] for name in self._names())

    def note(self, name: str) -> None:
        """Add a table as nft(8) names it, before it is created; if that fails it stays, as another program's would."""
        with suppress(OSError):
            try:
                names = self._names()
            except StoreError:
                files.set_aside(self.path, "unread")
                names = ()
            if name not in names:
                self._write([*names, name])

    def keep(self, tables: Collection[tuple[int, str]]) -> None:
        """Keep these tables noted, and no others; StoreError (3)."""
        with files.reported("the tables that podnet made", self.path):
            if tables:
                self._write([table_name(*table) for table in tables])
            else:
                files.remove(self.path)

    def _write(self, names: list[str]) -> None:
        written = {"format_version": FORMAT_VERSION, "boot_id": boot_id(), "tables": names}
        files.write(self.path, json.dumps(written) + "\n")

    def _names(self) -> tuple[str, ...]:
        """Read the names of this boot, none if there is no file."""
        try:
            data = files.read_json(self.path, FORMAT_VERSION)
            names = tuple(data["tables"]) if data is not None and data["boot_id"] == boot_id() else ()
            if unknown := [name for name in names if name not in _TABLES]:
                raise ValueError(f"{unknown[0]!r} is not the name of a table of iptables")
        except UNREADABLE as error:
            raise StoreError(
                f"{self.path} can't be read ({why(error)}): which tables of nftables podnet made is unknown, and "
                "they stay"
            ) from error
        return names
