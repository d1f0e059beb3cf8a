"""What kernel parameters were before podnet wrote them in this boot: each apply adds to it when it is finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netplan.documents import why
from netplan.errors import StoreError
from netplan.kinds.resource import Change, Json
from netplan.kinds.sysctl.originals import Overwritten, remember
from netplan.kinds.sysctl.value import Sysctl
from netplan.store import files
from netplan.store.files import UNREADABLE
from netplan.store.provenance import boot_id

if TYPE_CHECKING:
    from netplan.store.journal import JournalEntry

FORMAT_VERSION: Final = "1.0"

_NAME: Final = "sysctls.json"


class OverwrittenFile:
    """The file in podnet's folder; what it says of another boot does not count, since a boot resets every parameter."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME

    def read(self) -> tuple[Overwritten, ...]:
        """Return what is overwritten in this boot; StoreError (3) if the file can't be read."""
        return self._of(boot_id())

    def keep(self, entry: JournalEntry) -> None:
        """Add what a journal's entry wrote, once; OSError. A file that can't be read is set aside, and begun anew."""
        try:
            data = self._data()
            known = self._of(entry.origin.boot_id)
        except StoreError:
            files.set_aside(self.path, "unread")
            data, known = {}, ()
        if data.get("entry") == entry.id:
            return
        changes = [
            Change(None, change.after, change.reason) for change in entry.changes if isinstance(change.after, Sysctl)
        ]
        overwritten = remember(known, changes, entry.before.all(Sysctl))
        if not overwritten and not data:
            return
        written = {
            "format_version": FORMAT_VERSION,
            "boot_id": entry.origin.boot_id,
            "entry": entry.id,
            "sysctls": [parameter.to_json() for parameter in overwritten],
        }
        files.write(self.path, json.dumps(written) + "\n")

    def _of(self, boot: str) -> tuple[Overwritten, ...]:
        data = self._data()
        try:
            if data and data["boot_id"] == boot:
                return tuple(map(Overwritten.from_json, data["sysctls"]))
        except UNREADABLE as error:
            raise self._damaged(error) from error
        return ()

    def _data(self) -> Json:
        """Read the file, nothing if there is none."""
        try:
            return files.read_json(self.path, FORMAT_VERSION) or {}
        except UNREADABLE as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> StoreError:
        return StoreError(
            f"{self.path} can't be read ({why(error)}): what sysctls were before podnet is "
            "unknown, and they stay as they are"
        )
