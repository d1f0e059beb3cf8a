"""The journal: what an apply under way is about to do, and the state before; it exists only meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from netplan.desired.hooks import Hook, hooks_from_json, hooks_to_json
from netplan.documents import FormatError, of_format, why
from netplan.errors import HalfStateError
from netplan.kinds import snapshot_json
from netplan.kinds.change_json import change_from_json, reason_to_json
from netplan.kinds.resource import Change, Json, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.store import files
from netplan.store.files import UNREADABLE
from netplan.store.provenance import Provenance, boot_id
from netplan.system.process import Process

FORMAT_VERSION: Final = "2.2"
"""That of a generation too. 2.1 had no `traffic`, 2.0 no `hooks`.

In 1 the state after had all that was observed, and no numbers for what the changes create.
"""

_NAME: Final = "journal.json"
_BLOCKED: Final = "blocked"
_TRAFFIC: Final = "traffic"
_ID: Final = re.compile("[0-9a-f]{16}")


class Phase(StrEnum):
    """How far an apply has come: it may have written anything, or all of it was observed in the kernel."""

    WRITING = "writing"
    VERIFIED = "verified"


class Confirm(Struct, frozen=True):
    """The terms on which an apply must be confirmed: within so many seconds, until a deadline, with a token.

    `deadline` is in seconds since this boot (`system.clock`), `token_sha256` the digest of the token; `process` is the
    one that applies, `spec` the path of the spec if it wants the rules in a file too.
    """

    seconds: float
    deadline: float
    token_sha256: str
    process: Process
    spec: str | None = None

    def to_json(self) -> Json:
        """Return it as JSON values."""
        return {
            "seconds": self.seconds,
            "deadline": self.deadline,
            "token_sha256": self.token_sha256,
            "process": self.process._asdict(),
            "spec": self.spec,
        }

    @classmethod
    def from_json(cls, data: Json) -> Confirm:
        """Read what `to_json` returned."""
        process = Process(int(data["process"]["pid"]), int(data["process"]["started"]))
        spec = None if data["spec"] is None else str(data["spec"])
        return cls(float(data["seconds"]), float(data["deadline"]), str(data["token_sha256"]), process, spec)


class JournalStart(Struct, frozen=True, dict=True):
    """What an apply starts from: its changes, the state before them, and where our jumps are to stand after them.

    `hooks` is None where that is unknown, as in what podnet 0.1.0 wrote. `blocked` are earlier routes of podnet's that
    are still wanted, and that it leaves out because of obstacles. `traffic` are the classes of traffic that are wanted
    after it, as JSON values, None if they are unknown.
    """

    changes: tuple[Change[Resource], ...]
    before: Snapshot
    hooks: tuple[Hook, ...] | None = None
    blocked: tuple[Route, ...] = ()
    traffic: Json | None = None

    @cached_property
    def text(self) -> str:
        """The same as members of a JSON object: made once, since it is written again with the outcome."""
        changes, before = [*map(_change_to_json, self.changes)], snapshot_json.to_json(self.before)
        blocked = {_BLOCKED: [route.to_json() for route in self.blocked]} if self.blocked else {}
        traffic = {} if self.traffic is None else {_TRAFFIC: self.traffic}
        return _members(changes=changes, before=before, **hooks_to_json(self.hooks), **blocked, **traffic)

    @cached_property
    def numbers(self) -> Mapping[Resource, int]:
        """Where among the changes those objects are that they make."""
        return {change.after: number for number, change in enumerate(self.changes) if change.after is not None}

    @classmethod
    def from_json(cls, data: Json) -> JournalStart:
        """Read what `text` returned."""
        changes = tuple(map(change_from_json, data["changes"]))
        blocked = tuple(map(Route.from_json, data.get(_BLOCKED, ())))
        before, traffic = snapshot_json.from_json(data["before"]), data.get(_TRAFFIC)
        return cls(changes, before, hooks_from_json(data), blocked, traffic)

    def state_from_json(self, data: Json) -> Snapshot:
        """Read a state after it, which names what the changes made by their numbers."""
        return snapshot_json.from_json(data, self.changes)


class HasJournalStart:
    """What says of an apply how it started."""

    start: JournalStart

    @property
    def changes(self) -> tuple[Change[Resource], ...]:
        """What is changed, or was."""
        return self.start.changes

    @property
    def before(self) -> Snapshot:
        """The state before."""
        return self.start.before

    @property
    def hooks(self) -> tuple[Hook, ...] | None:
        """Where our jumps are to stand; None if that is not known."""
        return self.start.hooks

    @property
    def traffic(self) -> Json | None:
        """The classes of traffic that are wanted, as JSON values; None if they are unknown."""
        return self.start.traffic

    @property
    def blocked(self) -> tuple[Route, ...]:
        """The routes of podnet that were left out because of obstacles."""
        return self.start.blocked


class JournalEntry(Struct, HasJournalStart, frozen=True, dict=True):
    """An apply under way: what it started from, and once it is verified the state after.

    Both states hold no more than is needed to come back to them (`undo.relevant`), and the one after only those
    parameters that are wanted.
    """

    id: str
    origin: Provenance
    phase: Phase
    start: JournalStart
    after: Snapshot | None = None
    confirm: Confirm | None = None

    @property
    def touched(self) -> tuple[Change[Resource], ...]:
        """What it may have changed: a reboot since has undone all of it."""
        return self.changes if self.origin.boot_id == boot_id() else ()

    @property
    def pending(self) -> bool:
        """Whether the apply was done, and waits for its confirm unless that is decided already."""
        return self.confirm is not None and self.phase is Phase.VERIFIED

    @cached_property
    def started(self) -> str:
        """What it started from, and the state after, as members of a JSON object: here and in a generation."""
        after = None if self.after is None else snapshot_json.to_json(self.after, self.start.numbers)
        return f"{self.start.text}, {_members(after=after)}"

    def render(self) -> str:
        """Return the text of the journal; `from_json` reads it back."""
        confirm = None if self.confirm is None else self.confirm.to_json()
        head = {"id": self.id, **self.origin.to_json(), "phase": self.phase.value, "confirm": confirm}
        return rendered(head, self.started)

    @classmethod
    def from_json(cls, data: Json) -> JournalEntry:
        """Read what `render` returned."""
        with of_format(data, FORMAT_VERSION):
            return cls._from_json(data)

    @classmethod
    def _from_json(cls, data: Json) -> JournalEntry:
        after, confirm = data["after"], data["confirm"]
        phase = Phase(data["phase"])
        if phase is Phase.VERIFIED and after is None:
            raise ValueError("it has no state after")
        if not _ID.fullmatch(data["id"]):
            raise ValueError("its id is not one of podnet's")
        start = JournalStart.from_json(data)
        return cls(
            str(data["id"]),
            Provenance.from_json(data),
            phase,
            start,
            None if after is None else start.state_from_json(after),
            None if confirm is None else Confirm.from_json(confirm),
        )


class JournalFile:
    """The journal of a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME

    def read(self) -> JournalEntry | None:
        """Read the journal, None if there is none; HalfStateError (5) if it is damaged."""
        try:
            return JournalEntry.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except FormatError as error:
            raise HalfStateError(
                f"another version of podnet wrote {self.path}, in {error}: run `podnet recover` of that version, or "
                "`podnet recover --abandon` to leave the node as it is. Nothing was changed now."
            ) from error
        except UNREADABLE as error:
            raise HalfStateError(
                f"{self.path} is damaged ({why(error)}); the state of the node is unknown: "
                "`podnet recover --abandon` leaves it as it is, and `podnet drift SPEC` compares it with a spec. "
                "Nothing was changed now."
            ) from error

    def stamp(self) -> tuple[int, int] | None:
        """Return what changes whenever the journal does, None if there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def write(self, entry: JournalEntry) -> None:
        """Replace the entry; OSError."""
        files.write(self.path, entry.render())

    def remove(self) -> None:
        """Close the journal; OSError."""
        files.remove(self.path)


def rendered(head: Json, started: str) -> str:
    """Return the text of a JSON object: the version of the format, some values, and the members of `Entry.started`."""
    return f"{{{_members(format_version=FORMAT_VERSION, **head)}, {started}}}\n"


def _members(**values: object) -> str:
    """Return the members of a JSON object; in ASCII where some bytes are not UTF-8."""
    try:
        return msgspec.json.format(msgspec.json.encode(values), indent=0).decode()[1:-1]
    except UnicodeEncodeError:
        return json.dumps(values)[1:-1]


def _change_to_json(change: Change[Resource]) -> Json:
    """Return of a change what `plan_json.change_from_json` reads."""
    return {
        "kind": change.resource.kind,
        "before": None if change.before is None else change.before.to_json(),
        "after": None if change.after is None else change.after.to_json(),
        "reason": reason_to_json(change.reason),
    }
