"""The decision on an apply that waits for its confirm: made once, by the process that is first, whatever dies then."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from netplan.errors import StoreError
from netplan.store import files
from netplan.store.provenance import who


class ConfirmDecision(StrEnum):
    """What becomes of a state: it stays, or the one before is restored."""

    CONFIRMED = "confirmed"
    EXPIRED = "expired"


class DecisionRecord(Struct, frozen=True):
    """A decision, the user who made it, and the process that carries it out."""

    decision: ConfirmDecision
    who: str
    pid: int


class DecisionFiles:
    """The decisions in a folder, each by the id of its entry in the journal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, id: str, decision: ConfirmDecision) -> bool:  # noqa: A002 - the journal's word
        """Make the decision; False if there is one already. StoreError (3)."""
        text = json.dumps({"verdict": decision.value, "who": who(), "pid": os.getpid()})
        path = self._path(id)
        with files.reported("the decision", path):
            try:
                files.create(path, text)
            except FileExistsError:
                return False
        return True

    def read(self, id: str) -> DecisionRecord | None:  # noqa: A002 - the journal's word
        """Return the decision, None if there is none yet; one that can't be read counts as expired."""
        try:
            data = json.loads(self._path(id).read_text(encoding="utf-8"))
            return DecisionRecord(ConfirmDecision(data["verdict"]), str(data["who"]), int(data["pid"]))
        except FileNotFoundError:
            return None
        except files.UNREADABLE:
            return DecisionRecord(ConfirmDecision.EXPIRED, "", 0)

    def expire(self, id: str) -> ConfirmDecision:  # noqa: A002 - the journal's word
        """Decide that the state before is restored, unless something else was decided: even on a full disk."""
        with suppress(StoreError):
            self.claim(id, ConfirmDecision.EXPIRED)
        record = self.read(id)
        return ConfirmDecision.EXPIRED if record is None else record.decision

    def forget(self) -> None:
        """Remove the decisions of earlier applies; OSError."""
        for path in self._folder.glob("verdict-*.json"):
            files.remove(path)

    def _path(self, id: str) -> Path:  # noqa: A002 - the journal's word
        return self._folder / f"verdict-{id}.json"
