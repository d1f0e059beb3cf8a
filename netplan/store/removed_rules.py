"""What podnet removed from the files of rules that are loaded at boot: remembered as long as it is not in them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from netplan.documents import FormatError, why
from netplan.errors import StoreError
from netplan.kinds.chain.removed_rules import FileRemovals
from netplan.store import files
from netplan.store.files import UNREADABLE

FORMAT_VERSION: Final = "1.0"

_NAME: Final = "saved-rules.json"


class RemovedRulesFile:
    """The file, in podnet's folder, that lists removed rules."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME

    def read(self) -> dict[str, FileRemovals]:
        """Return what was removed from the files, by their paths; StoreError (3) if it can't be read."""
        try:
            data = files.read_json(self.path, FORMAT_VERSION)
            removals = [] if data is None else [FileRemovals.from_json(file) for file in data["files"]]
        except FormatError as error:
            raise StoreError(
                f"another version of podnet wrote {self.path}, in {error}: use that version, or discard the file "
                f"({self._discard}); what it lists stays out of the rules for the next boot then"
            ) from error
        except UNREADABLE as error:
            raise StoreError(
                f"{self.path} can't be read ({why(error)}): what podnet removed from the rules for the next boot is "
                f"unknown. Compare those with what firewall.remove names, then discard the file ({self._discard})"
            ) from error
        return {file.path: file for file in removals}

    @property
    def _discard(self) -> str:
        return shlex.join(["mv", str(self.path), f"{self.path}.given-up"])

    def keep(self, removals: Iterable[FileRemovals]) -> None:
        """Replace what the file lists; StoreError (3)."""
        kept = [file.to_json() for file in removals]
        with files.reported("what was removed from the rules for the next boot", self.path):
            if kept:
                files.write(self.path, json.dumps({"format_version": FORMAT_VERSION, "files": kept}) + "\n")
            elif self.path.exists():
                files.remove(self.path)
