"""What podnet did on a node: the states that it applied, and what it has begun."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from netplan.errors import HalfStateError
from netplan.operations.report import Report
from netplan.operations.rollback_target import intact
from netplan.store.files import check_folder
from netplan.store.generations import Damaged, Generation
from netplan.store.journal import JournalEntry
from netplan.store.store import Store
from netplan.system import clock


class BegunApply(Struct, frozen=True):
    """An apply that is no generation yet, and whether it waits for its confirm."""

    entry: JournalEntry
    waits: bool

    def __str__(self) -> str:
        if self.waits and self.entry.confirm is not None:
            return f"waits for its confirm until {clock.at(self.entry.confirm.deadline)}"
        return "not finished: podnet recover"


class History(NamedTuple):
    """The generations that are kept, the newest last, and the apply that is none yet, if there is one."""

    generations: tuple[Generation | Damaged, ...]
    begun: BegunApply | None


def read_history(store: Store, report: Report) -> History:
    """Return what podnet remembers of its applies; what of that can't be read is noted as a warning.

    StoreError (3) if another user could change what is remembered.
    """
    check_folder(store.folder)
    with report.during("reading the generations"):
        generations = store.generations.all()
    intact(generations, report)
    return History(generations, _begun(store, report))


def _begun(store: Store, report: Report) -> BegunApply | None:
    try:
        entry = store.journal.read()
    except HalfStateError as error:
        report.note(f"warning: {error}")
        return None
    return None if entry is None else BegunApply(entry, waits=store.waits(entry))
