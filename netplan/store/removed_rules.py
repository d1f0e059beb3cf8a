"""What podnet took out of the files of rules that are loaded at boot: remembered as long as it is out of them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from netplan.documents import FormatError, why
from netplan.errors import StoreError
from netplan.kinds.chain.removed_rules import TakenFrom
from netplan.store import files
from netplan.store.files import UNREADABLE

FORMAT_VERSION: Final = "1.0"

_NAME: Final = "saved-rules.json"


class TakenFile:
    """The file of a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME

    def read(self) -> dict[str, TakenFrom]:
        """Return what was taken out of the files, by their paths; StoreError (3) if it can't be read."""
        try:
            data = files.read_json(self.path, FORMAT_VERSION)
            taken = [] if data is None else [TakenFrom.from_json(file) for file in data["files"]]
        except FormatError as error:
            raise StoreError(
                f"another version of podnet wrote {self.path}, in {error}: use that version, or give the file up "
                f"({self._giving_up}); what it lists stays out of the rules for the next boot then"
            ) from error
        except UNREADABLE as error:
            raise StoreError(
                f"{self.path} can't be read ({why(error)}): what podnet took out of the rules for the next boot is not "
                f"known. Compare those with what firewall.remove names, then give the file up ({self._giving_up})"
            ) from error
        return {file.path: file for file in taken}

    @property
    def _giving_up(self) -> str:
        return shlex.join(["mv", str(self.path), f"{self.path}.given-up"])

    def keep(self, taken: Iterable[TakenFrom]) -> None:
        """Put what is taken in the place of what was; StoreError (3)."""
        kept = [each.to_json() for each in taken]
        with files.reported("what is out of the rules for the next boot", self.path):
            if kept:
                files.write(self.path, json.dumps({"format_version": FORMAT_VERSION, "files": kept}) + "\n")
            elif self.path.exists():
                files.remove(self.path)
